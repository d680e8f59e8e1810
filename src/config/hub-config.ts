/** The configuration of the hub's own tools: `comity hub <action> --config hub.yaml`. */
import { basename } from 'node:path';
import { z } from 'zod';
import { readPrivateFile } from '../keys/index.ts';
import { limits } from '../limits.ts';
import { besides, Problems, readConfigFile, readConfigText, readYaml } from './files.ts';
import { type Secret, secret } from './secret.ts';

const pathShape = z.string().min(1, { error: 'expected a path' });
const portShape = z.int().min(1).max(65_535);

const shape = z.strictObject({
  trust: z.strictObject({
    federationId: z.string().regex(/^[0-9a-f]{64}$/, { error: 'expected 64 hexadecimal digits' }),
    rootFile: pathShape,
    listFile: pathShape,
    /** The hub's own record of the highest versions that it has seen; made at the first use. */
    recordFile: pathShape,
  }),
  server: z.strictObject({
    /** nats-server's own configuration, which these tools write. */
    configFile: pathShape,
    storeDirectory: pathShape,
    host: z.string().min(1),
    port: portShape,
    monitoringPort: portShape,
    name: z.string().optional(),
    tls: z.strictObject({ certFile: pathShape, keyFile: pathShape, ca: pathShape }).optional(),
    storeBytesMax: z.int().min(1).default(limits.hubStoreBytesMax),
  }),
  /** NATS user seeds of accounts HUB and SYS. */
  seeds: z.strictObject({ hub: pathShape, system: pathShape }),
  replicas: z.union([z.literal(1), z.literal(3), z.literal(5)]).default(1),
});

export type HubToolsConfig = Readonly<{
  file: string;
  trust: Readonly<{ federationId: string; root: Uint8Array; list: Uint8Array; recordFile: string }>;
  server: Readonly<{
    configFile: string;
    storeDirectory: string;
    host: string;
    port: number;
    monitoringPort: number;
    name?: string;
    tls?: Readonly<{ certFile: string; keyFile: string; ca: string }>;
    storeBytesMax: number;
  }>;
  replicas: 1 | 3 | 5;
}>;

export type HubToolsSecrets = Readonly<{ hubSeed: Secret<string>; systemSeed: Secret<string> }>;

/** CONFIG_INVALID with every problem. */
export function loadHubConfig(file: string): Readonly<{ config: HubToolsConfig; secrets: HubToolsSecrets }> {
  const { trust, server, seeds, replicas } = readYaml(file, shape);
  const at = besides(file);
  const problems = new Problems(file);
  const root = problems.attempt('trust.rootFile', () =>
    readConfigFile(at(trust.rootFile), limits.trustRootBytesMax),
  );
  const list = problems.attempt('trust.listFile', () =>
    readConfigFile(at(trust.listFile), limits.trustListBytesMax),
  );
  const { tls } = server;
  const ca = tls === undefined ? '' : problems.attempt('server.tls.ca', () => readConfigText(at(tls.ca)));
  const seed = (key: string, path: string) =>
    problems.attempt(key, () =>
      Buffer.from(readPrivateFile(at(path)))
        .toString('utf8')
        .trim(),
    );
  const hubSeed = seed('seeds.hub', seeds.hub);
  const systemSeed = seed('seeds.system', seeds.system);
  problems.refuse();
  if (
    root === undefined ||
    list === undefined ||
    ca === undefined ||
    hubSeed === undefined ||
    systemSeed === undefined
  ) {
    throw new TypeError('unreachable: what is missing is a problem');
  }
  const { name, tls: _tls, ...rest } = server;
  return Object.freeze({
    config: Object.freeze({
      file: at(basename(file)),
      trust: { federationId: trust.federationId, root, list, recordFile: at(trust.recordFile) },
      server: {
        ...rest,
        configFile: at(server.configFile),
        storeDirectory: at(server.storeDirectory),
        ...(name === undefined ? {} : { name }),
        ...(tls === undefined ? {} : { tls: { certFile: at(tls.certFile), keyFile: at(tls.keyFile), ca } }),
      },
      replicas,
    }),
    secrets: Object.freeze({ hubSeed: secret(hubSeed), systemSeed: secret(systemSeed) }),
  });
}
