/** An agency's own keys: the store key, a week's message keys ahead, and the statement that lists them. */
import { join } from 'node:path';
import { z } from 'zod';
import { rfc3339 } from '../clock.ts';
import { readYaml } from '../config/index.ts';
import { suiteKnown } from '../envelope/index.ts';
import {
  type AgencyStatement,
  createStoreKeyFile,
  createStoreSaltFile,
  issueStatement,
  loadStoreKey,
  mergeWindows,
  openMessageKeys,
  parseStatement,
  pruneMessageKeys,
  readCertificateKey,
  rollMessageKeys,
} from '../keys/index.ts';
import { limits } from '../limits.ts';
import { allSchemas } from '../schema/index.ts';
import { createNatsUserKey, publicKeyOfSeed } from '../transport/index.ts';
import { agencyId } from '../types.ts';
import { visible } from './escape.ts';
import { ensureFolder, readSecret, readText, writeOutput, writeSecret } from './input.ts';
import { tableLines } from './table.ts';
import { type Call, only, required, text, usageError, type Verb, wholeNumber } from './verb.ts';

const weeksOtherwise = limits.keyWindowsAheadMax + 1;

export const keys: Verb = {
  name: 'keys',
  summary: 'draws an agency’s keys, and issues the statement that lists them',
  usage: [
    'init --directory DIR [--passphrase]',
    'roll --directory DIR [--weeks N]',
    'statement --directory DIR --facts FILE --certificate PEM --certificate-key PEM --out FILE [--previous FILE]',
    'show STATEMENT.jws',
  ],
  options: {
    directory: { type: 'string' },
    passphrase: { type: 'boolean' },
    weeks: { type: 'string' },
    facts: { type: 'string' },
    certificate: { type: 'string' },
    'certificate-key': { type: 'string' },
    previous: { type: 'string' },
    out: { type: 'string' },
  },
  optionHelp: [
    { name: 'init', meaning: 'draws store.key (with --passphrase: store.salt) and nats.seed' },
    { name: 'roll', meaning: 'draws the message keys that are missing, and deletes those past their use' },
    { name: 'statement', meaning: 'signs the next statement; run it after every roll' },
    { name: 'show', meaning: 'prints a statement, without judging its signature' },
    { name: '--directory DIR', meaning: 'holds store.key, nats.seed and the folder keys' },
    { name: '--weeks N', meaning: `windows from this week on (default and most: ${weeksOtherwise})` },
    { name: '--facts FILE', meaning: 'YAML: agency, federationId, directory, officers' },
    { name: '--previous FILE', meaning: 'the statement before, whose keys are listed again' },
  ],
  example: 'comity keys roll --directory /etc/comity',
  async run(call) {
    const [action, ...rest] = call.positionals;
    if (action === 'show') return show(call, only(rest, 'a statement file'));
    if (rest.length > 0) throw usageError('expected one action');
    if (action === 'init') return init(call);
    if (action === 'roll') return roll(call);
    if (action === 'statement') return statement(call);
    throw usageError('expected `keys init`, `roll`, `statement` or `show FILE`');
  },
};

function init(call: Call): void {
  const directory = required(call.values, 'directory');
  ensureFolder(directory);
  if (call.values['passphrase'] === true) createStoreSaltFile(join(directory, 'store.salt'), call.io.random);
  else createStoreKeyFile(join(directory, 'store.key'), call.io.random);
  const { seed, publicKey } = createNatsUserKey();
  writeSecret(join(directory, 'nats.seed'), `${seed}\n`);
  call.show({ directory, natsUserKey: publicKey }, () => [
    `drew the keys of ${directory}`,
    `NATS user key ${publicKey}`,
  ]);
}

function storeKeyOf(directory: string): Uint8Array {
  return loadStoreKey({ keyFile: join(directory, 'store.key') });
}

function roll(call: Call): void {
  const directory = required(call.values, 'directory');
  const weeks = wholeNumber(call.values, 'weeks', { min: 1, max: weeksOtherwise, otherwise: weeksOtherwise });
  const where = { directory: join(directory, 'keys'), storeKey: storeKeyOf(directory) };
  const nowMs = call.io.clock.nowMs();
  const windows = rollMessageKeys({ ...where, fromMs: nowMs, weeks, random: call.io.random });
  const deleted = pruneMessageKeys({ ...where, nowMs });
  const last = windows.signing.at(-1);
  call.show(
    { windows: windows.signing.length, until: last === undefined ? null : rfc3339(last.notAfterMs), deleted },
    () => [
      `message keys until ${last === undefined ? 'nothing' : rfc3339(last.notAfterMs)}; deleted ${deleted.length}`,
      'issue the next statement: comity keys statement',
    ],
  );
}

const namesShape = z.record(z.string(), z.string());
const jwkShape = z.strictObject({
  kty: z.literal('EC'),
  crv: z.literal('P-256'),
  x: z.string(),
  y: z.string(),
});
const factsShape = z.strictObject({
  agency: z.string().transform(agencyId),
  federationId: z.string().regex(/^[0-9a-f]{64}$/, { error: 'expected 64 hexadecimal digits' }),
  officers: z
    .array(
      z.strictObject({
        pseudonym: z.string(),
        desk: z.string(),
        role: z.string(),
        jwk: jwkShape,
        from: z.iso.datetime(),
        to: z.iso.datetime().optional(),
      }),
    )
    .default([]),
  directory: z.strictObject({
    names: namesShape,
    desks: z.array(z.strictObject({ id: z.string(), names: namesShape })).default([]),
    duty: z.strictObject({ phone: z.string(), hours: z.string() }).optional(),
    timeZone: z.string(),
    languages: z.array(z.string()),
    requestTypes: z.array(z.string()).default([]),
    sizeLimits: z
      .strictObject({ attachmentBytesMax: z.int().optional(), messagesPerDayMax: z.int().optional() })
      .prefault({}),
  }),
});

function statement(call: Call): void {
  const { values, io } = call;
  const directory = required(values, 'directory');
  const facts = readYaml(required(values, 'facts'), factsShape);
  const previousFile = text(values, 'previous');
  const before = previousFile === undefined ? undefined : parseStatement(readText(previousFile).trim());
  const own = openMessageKeys({
    directory: join(directory, 'keys'),
    storeKey: storeKeyOf(directory),
  }).publicWindows();
  const keyFile = required(values, 'certificate-key');
  const jws = issueStatement({
    certificatePem: readText(required(values, 'certificate')),
    certificateKey: readCertificateKey(readSecret(keyFile), keyFile),
    content: {
      agency: facts.agency,
      federationId: facts.federationId,
      version: (before?.version ?? 0) + 1,
      issuedMs: io.clock.nowMs(),
      signingKeys: mergeWindows(before?.signingKeys ?? [], own.signing),
      sealingKeys: mergeWindows(before?.sealingKeys ?? [], own.sealing),
      officers: facts.officers.map(({ from, to, ...officer }) => ({
        ...officer,
        notBeforeMs: Date.parse(from),
        ...(to === undefined ? {} : { notAfterMs: Date.parse(to) }),
      })),
      natsUserKey: publicKeyOfSeed(readSecret(join(directory, 'nats.seed'))),
      schemas: Object.fromEntries(allSchemas().map(({ name, version }) => [name, [version]])),
      suites: [suiteKnown],
      directory: facts.directory,
    },
  });
  const out = required(values, 'out');
  writeOutput(out, `${jws}\n`, { replace: out === previousFile });
  const { version } = parseStatement(jws);
  call.show({ file: out, agency: facts.agency, version }, () => [
    `wrote ${out}: statement ${version} of ${facts.agency}`,
  ]);
}

function show(call: Call, file: string): void {
  const read = parseStatement(readText(file).trim());
  call.show(statementView(read), () => [
    `statement ${read.version} of ${read.agency}, issued ${rfc3339(read.issuedMs)} (signature not judged)`,
    `  federation ${read.federationId}`,
    `  NATS user key ${read.natsUserKey}, suites ${read.suites.join(', ')}`,
    `  names ${Object.entries(read.directory.names)
      .map(([language, name]) => `${visible(name)} (${language})`)
      .join(', ')}`,
    ...tableLines(
      ['use', 'from', 'to', 'key'],
      [
        ...read.signingKeys.map((key) => ['signing', key] as const),
        ...read.sealingKeys.map((key) => ['sealing', key] as const),
      ].map(([use, key]) => [use, rfc3339(key.notBeforeMs), rfc3339(key.notAfterMs), key.kid]),
    ),
  ]);
}

function statementView(read: AgencyStatement) {
  const windows = (list: AgencyStatement['signingKeys']) =>
    list.map(({ kid, notBeforeMs, notAfterMs }) => ({
      kid,
      from: rfc3339(notBeforeMs),
      to: rfc3339(notAfterMs),
    }));
  return {
    agency: read.agency,
    federationId: read.federationId,
    version: read.version,
    issued: rfc3339(read.issuedMs),
    signingKeys: windows(read.signingKeys),
    sealingKeys: windows(read.sealingKeys),
    officers: read.officers.map(({ pseudonym, desk, role, kid }) => ({ pseudonym, desk, role, kid })),
    natsUserKey: read.natsUserKey,
    schemas: read.schemas,
    suites: read.suites,
    directory: read.directory,
  };
}
