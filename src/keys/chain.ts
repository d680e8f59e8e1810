/** The chain of a certificate, verified once, by OpenSSL, when an authority admits the agency. */
import { ComityError } from '../errors.ts';

/** Runs a program without a shell and waits for it. */
export type CommandRunner = (
  command: string,
  args: readonly string[],
) => Promise<Readonly<{ exitCode: number; stdout: string; stderr: string }>>;

/**
 * Asks `openssl verify` whether the certificate leads to the root, by RFC 5280 with its strict
 * checks (path length, name constraints, key usage). All are PEM files. CERTIFICATE_REFUSED with
 * OpenSSL's words; a runner that fails to start the program rejects.
 */
export async function verifyChain(
  o: Readonly<{
    run: CommandRunner;
    certificateFile: string;
    intermediatesFile?: string;
    rootFile: string;
    atMs: number;
  }>,
): Promise<void> {
  const intermediates = o.intermediatesFile === undefined ? [] : ['-untrusted', o.intermediatesFile];
  const outcome = await o.run('openssl', [
    'verify',
    '-x509_strict',
    '-no-CApath',
    '-no-CAstore',
    '-attime',
    String(Math.floor(o.atMs / 1000)),
    '-CAfile',
    o.rootFile,
    ...intermediates,
    o.certificateFile,
  ]);
  if (outcome.exitCode === 0) return;
  const words =
    `${outcome.stdout}\n${outcome.stderr}`.split('\n').find((line) => line.startsWith('error')) ??
    'no reason given';
  throw new ComityError('CERTIFICATE_REFUSED', `openssl does not verify the chain: ${words.trim()}`);
}
