/** The closed shape of a gateway's configuration file; defaults stand here and nowhere else. */
import { z } from 'zod';
import { agencyId, isAgencyId } from '../types.ts';

const pathShape = z.string().min(1, { error: 'expected a path' });
const variableShape = z.string().regex(/^[A-Z][A-Z0-9_]*$/, { error: 'expected the name of a variable' });

const agencyShape = z
  .string()
  .refine(isAgencyId, { error: 'expected an agency such as gr.customs' })
  .transform(agencyId);

const storeKeyShape = z.union(
  [
    z.strictObject({ file: pathShape }),
    z.strictObject({ passphraseEnv: variableShape, saltFile: pathShape }),
    z.strictObject({ credential: z.string().regex(/^[A-Za-z0-9._-]+$/) }),
  ],
  { error: 'expected one of {file}, {passphraseEnv, saltFile}, {credential}' },
);

const serverShape = z.string().regex(/^(tls|nats):\/\/(\[[0-9a-fA-F:]+\]|[A-Za-z0-9.-]+):[0-9]{1,5}$/, {
  error: 'expected tls://host:port (or nats://host:port on loopback)',
});

const portShape = z.int().min(0).max(65_535);

export const logLevels = ['debug', 'info', 'warn', 'error', 'silent'] as const;

export const gatewayFileShape = z.strictObject({
  agency: agencyShape,
  environment: z.string().regex(/^[a-z][a-z0-9-]{0,30}$/, { error: 'expected a word such as production' }),
  trust: z.strictObject({
    federationId: z.string().regex(/^[0-9a-f]{64}$/, { error: 'expected 64 hexadecimal digits' }),
    rootFile: pathShape,
    listFile: pathShape.optional(),
  }),
  store: z.strictObject({ directory: pathShape, key: storeKeyShape }),
  keys: z.strictObject({ directory: pathShape }),
  hub: z.strictObject({
    servers: z.array(serverShape).min(1).max(16),
    natsSeedFile: pathShape,
    tls: z.strictObject({ ca: pathShape }).optional(),
  }),
  http: z
    .strictObject({ host: z.string().min(1).default('127.0.0.1'), port: portShape.default(7400) })
    .prefault({}),
  officersFile: pathShape,
  policy: z.strictObject({ federation: pathShape, agency: pathShape.optional() }),
  statementFile: pathShape,
  log: z.strictObject({ level: z.enum(logLevels).default('info') }).prefault({}),
});
export type GatewayFile = z.output<typeof gatewayFileShape>;
