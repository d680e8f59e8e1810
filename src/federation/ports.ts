/** Whether a port of this machine is free, before anything is started on it. */
import { createServer } from 'node:net';
import { ComityError } from '../errors.ts';

/** Throws PORT_TAKEN naming the port and the option that changes it; 0 is always free. */
export async function requireFreePort(
  port: number,
  o: Readonly<{ of: string; option: string }>,
): Promise<void> {
  if (port === 0) return;
  await new Promise<void>((resolve, reject) => {
    const probe = createServer();
    probe.once('error', (cause) => {
      const message = `port ${port} of ${o.of} is in use: stop what uses it, or choose another with ${o.option}`;
      reject(new ComityError('PORT_TAKEN', message, { cause }));
    });
    probe.listen({ port, host: '127.0.0.1', exclusive: true }, () => probe.close(() => resolve()));
  });
}

/** A port that is free now. */
export async function freePort(): Promise<number> {
  return await new Promise<number>((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen({ port: 0, host: '127.0.0.1' }, () => {
      const address = probe.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      probe.close(() => resolve(port));
    });
  });
}
