/**
 * Prints how many bytes one reading of a hostile envelope allocates. Run as a process of its own with
 * `--expose-gc` and a young generation so large that nothing is collected on the way: what is allocated in
 * all is then no less than what is ever held at once.
 */
import { setImmediate } from 'node:timers/promises';
import { fromBinary } from '@bufbuild/protobuf';
import { parseEnvelope } from '../../src/envelope/index.ts';
import { encodeField } from '../../src/envelope/wire.ts';
import { EnvelopeSchema } from '../../src/gen/comity/envelope/v1/envelope_pb.js';
import { limits } from '../../src/limits.ts';

const [reader = '', unit = '', within = ''] = process.argv.slice(2);
const most = limits.envelopeBytesMax;
const filled = new Uint8Array(Buffer.alloc(within === '' ? most : most - 8, Buffer.from(unit, 'hex')));
const bytes = within === '' ? filled : encodeField(Number(within), filled);

function read(): void {
  try {
    if (reader === 'naive') fromBinary(EnvelopeSchema, bytes);
    else parseEnvelope(bytes);
  } catch {
    // Which code it gets is shown elsewhere.
  }
}

/** Once before, so that compiled code and tables are not counted. */
read();
for (let round = 0; round < 3; round += 1) {
  // Buffers are given back some time after they are found unused.
  globalThis.gc?.();
  await setImmediate();
}
const held = (): number => process.memoryUsage().heapUsed + process.memoryUsage().arrayBuffers;
const before = held();
read();
process.stdout.write(String(held() - before));
