/** What a receiver pays to verify one envelope: alone, and where a batch shares its signature. */
import { checkParts, createSignatureMemory, parseEnvelope, verifyEnvelope } from '../src/envelope/index.ts';
import { answerDraft } from './drafts.ts';
import { makeFederation } from './federation.ts';
import { type BenchGateway, composeGateway, inFolder, officer } from './gateways.ts';
import { milliseconds } from './measure.ts';
import type { Row } from './row.ts';

const batches = [1, 64, 256] as const;

export async function* verify(): AsyncGenerator<Row> {
  const federation = await makeFederation(['gr.customs', 'it.police']);
  yield* await inFolder(async (directory) => {
    const sender = await composeGateway({ federation, agency: 'gr.customs', directory });
    const rows: Row[] = [];
    for (const batch of batches) rows.push(await measure(sender, batch));
    await sender.stop();
    return rows;
  });
}

async function measure(sender: BenchGateway, batch: number): Promise<Row> {
  // An announcement of a key would make a batch of its own.
  await sender.gateway.submit(answerDraft(0), officer);
  const sent = await Promise.all(
    Array.from({ length: batch }, (_, index) => sender.gateway.submit(answerDraft(index), officer)),
  );
  const envelopes = sent.map(({ id }) => sender.gateway.envelope(id, officer));
  const { trust } = sender.context;
  const { federationId, environment } = trust;
  const verifying = {
    knows: () => true,
    hasStatement: () => true,
    signingKey: trust.signingKey.bind(trust),
  };
  const all = (): void => {
    const memory = createSignatureMemory(4096);
    for (const bytes of envelopes) {
      const opened = parseEnvelope(bytes);
      checkParts(verifyEnvelope(opened, { federationId, environment, trust: verifying, memory }));
    }
  };
  return {
    bench: 'verify',
    what: batch === 1 ? 'one envelope alone' : `one envelope of a batch of ${batch}`,
    value: milliseconds(batch === 1 ? 500 : 10, all) / batch,
    unit: 'ms',
    note: 'strict reading, signature, path, parts',
  };
}
