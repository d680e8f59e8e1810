import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Io, main, type Starters, type UpOptions, verbs } from '../../../src/cli/index.ts';
import { systemClock } from '../../../src/clock.ts';
import { ComityError, type ErrorCode, errorTable } from '../../../src/errors.ts';
import type { Http } from '../../../src/http/index.ts';
import { systemRandom } from '../../../src/ids.ts';
import { silentLog } from '../../../src/log.ts';
import { createDouble, httpOn, messageId, tokens } from '../http/double.ts';

let folder: string;
let double: ReturnType<typeof createDouble>;
let http: Http;
let url: string;
const started: unknown[] = [];
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'comity-cli-'));
  double = createDouble();
  http = httpOn(double);
  url = await http.listen({ host: '127.0.0.1', port: 0 });
  write('token', `${tokens.all}\n`);
  write('draft.json', '{"kind":"object"}');
  started.length = 0;
});
afterEach(async () => {
  await http.close();
  rmSync(folder, { recursive: true });
});

const write = (name: string, text: string) => {
  writeFileSync(join(folder, name), text, { mode: 0o600 });
  return join(folder, name);
};
const path = (name: string) => join(folder, name);

const starters: Starters = {
  async up(o: UpOptions) {
    started.push(['up', o]);
  },
  async demo(acts) {
    started.push(['demo', acts]);
    return 1;
  },
  async gateway(file) {
    started.push(['gateway', file]);
    return 7;
  },
};

async function run(
  argv: readonly string[],
  env: Record<string, string> = {},
  o: { signal?: AbortSignal; onOut?: (out: string) => void } = {},
) {
  let out = '';
  let err = '';
  const io: Io = {
    stdout: {
      write(text) {
        out += text;
        o.onOut?.(out);
      },
    },
    stderr: { write: (text) => (err += text) },
    env,
    starters,
    clock: systemClock,
    random: systemRandom,
    log: silentLog,
    signal: o.signal ?? new AbortController().signal,
  };
  const exit = await main(argv, io);
  return { exit, out, err };
}

const asked = (argv: readonly string[]) => run([...argv, '--url', url, '--token-file', path('token')]);

describe('client verbs', () => {
  it('preview shows agencies against sections, and why not', async () => {
    const { exit, out } = await asked(['preview', path('draft.json')]);
    expect(exit).toBe(0);
    expect(out).toContain('object on the day lane: may be sent');
    expect(out).toMatch(/^it\.police +sections +-$/m);
    expect(out).toContain('p1: why not (it.police persons)');
    expect(double.calls[0]?.arguments).toEqual([{ kind: 'object' }]);
  });

  it('send names the message, and passes the key on', async () => {
    const { exit, out } = await asked(['send', path('draft.json'), '--key', 'k1']);
    expect(exit).toBe(0);
    expect(out).toContain(`comity receipts ${messageId}`);
    expect(double.calls[0]?.arguments).toEqual([{ kind: 'object' }, 'k1']);
  });

  it('inbox, show, receipts and quarantine print what there is', async () => {
    expect((await asked(['inbox', '--kind', 'object', '--limit', '3'])).out).toContain(messageId);
    expect(double.calls[0]?.arguments).toEqual([{ kind: 'object', direction: 'in', limit: 3 }]);
    const shown = await asked(['show', messageId]);
    expect(shown.out).toContain('object [OBJECT] not for this agency');
    expect((await asked(['receipts', messageId])).out).toMatch(/^it\.police +arrived/m);
    expect((await asked(['quarantine'])).out).toContain('SIGNATURE_INVALID');
  });

  it('show writes the exact bytes of the envelope', async () => {
    expect((await asked(['show', messageId, '--envelope', path('bytes')])).exit).toBe(0);
    expect([...readFileSync(path('bytes'))]).toEqual([0, 255, 10, 13, 128]);
  });

  it('--json prints what the API said', async () => {
    const { out } = await asked(['inbox', '--json']);
    expect(JSON.parse(out).items[0].id).toBe(messageId);
  });

  it('inbox --follow prints what arrives until it is stopped', async () => {
    const stop = new AbortController();
    const argv = ['inbox', '--follow', '--url', url, '--token-file', path('token')];
    const { exit, out } = await run(argv, {}, { signal: stop.signal, onOut: () => stop.abort() });
    expect(exit).toBe(0);
    expect(out).toContain(messageId);
  });
});

describe('exit codes', () => {
  it('are those of the error, for every code', async () => {
    for (const code of Object.keys(errorTable) as ErrorCode[]) {
      double.fail(new ComityError(code, 'in these words'));
      const { exit, out, err } = await asked(['send', path('draft.json')]);
      expect([code, exit, out]).toEqual([code, errorTable[code].exit, '']);
      expect(err).toContain(`comity: ${code}: `);
    }
  });

  it('preview that may not be sent is a refusal', async () => {
    const { preview } = double.gateway;
    const gateway = {
      ...double.gateway,
      preview: (...given: Parameters<typeof preview>) => ({
        ...preview(...given),
        decision: 'deny' as const,
      }),
    };
    Object.assign(double.gateway, gateway);
    expect((await asked(['preview', path('draft.json')])).exit).toBe(3);
  });

  it('problems and reasons are printed, escaped', async () => {
    double.fail(
      new ComityError('POLICY_REFUSED', 'no \u001b[2J', {
        problems: [{ path: 'a\u202e', message: 'b' }],
        reasons: [{ policy: 'p', text: 't\u0007' }],
      }),
    );
    const { err } = await asked(['send', path('draft.json')]);
    expect(err).toContain('no \\u{1b}[2J');
    expect(err).toContain('a\\u{202e}: b');
    expect(err).toContain('policy p: t\\u{7}');
    const json = await asked(['send', path('draft.json'), '--json']);
    expect(JSON.parse(json.err)).toMatchObject({ code: 'POLICY_REFUSED', problems: [{ message: 'b' }] });
  });

  it.each([
    [['bogus'], 2],
    [['send'], 2],
    [['send', 'a', 'b'], 2],
    [['send', 'nowhere.json'], 2],
    [['send', '--colour'], 2],
    [['inbox', '--limit', '0'], 2],
    [['inbox', '--limit', '1e1'], 2],
    [['inbox', '--sent', '--all'], 2],
    [['show', '../health'], 4],
    [['policy'], 2],
    [['trust', 'bogus'], 2],
    [['keys'], 2],
    [['pki', 'agency'], 2],
    [['hub', 'bogus', '--config', 'x'], 2],
    [['hub', 'check', '--config', 'nowhere.yaml'], 7],
    [['gateway'], 2],
    [['up', 'extra'], 2],
    [['up', '--port', 'gr.customs'], 2],
    [['up', '--hub-port', '70000'], 2],
  ] as const)('%j ends with %i', async (argv, exit) => {
    const local = ['send', 'inbox', 'show'].includes(argv[0]);
    expect((local ? await asked(argv) : await run(argv)).exit).toBe(exit);
  });
});

describe('which gateway', () => {
  const federation = (text: string) => {
    mkdirSync(path('fed'), { recursive: true });
    write('fed/federation.json', text);
  };
  const two = () =>
    JSON.stringify({
      format: 'comity-federation-1',
      agencies: [
        { agency: 'gr.customs', url, tokenFile: '../token' },
        { agency: 'it.police', url: 'http://127.0.0.1:1', tokenFile: '../token' },
      ],
    });

  it('is the first of the local federation, or the one named', async () => {
    federation(two());
    expect((await run(['inbox', '--directory', path('fed')])).exit).toBe(0);
    expect((await run(['inbox', '--directory', path('fed'), '--as', 'gr.customs'])).exit).toBe(0);
    const other = await run(['inbox', '--directory', path('fed'), '--as', 'it.police']);
    expect([other.exit, other.err]).toEqual([6, expect.stringContaining('GATEWAY_UNREACHABLE')]);
    const unknown = await run(['inbox', '--directory', path('fed'), '--as', 'xa.nobody']);
    expect([unknown.exit, unknown.err]).toEqual([2, expect.stringContaining('gr.customs, it.police')]);
  });

  it('may come from the environment, and --as goes before it', async () => {
    const env = { COMITY_URL: url, COMITY_TOKEN_FILE: path('token') };
    expect((await run(['inbox'], env)).exit).toBe(0);
    federation(two());
    const named = await run(['inbox', '--as', 'it.police', '--directory', path('fed')], env);
    expect(named.exit).toBe(6);
  });

  it('is never reached in clear text off this machine, nor without a token', async () => {
    for (const bad of ['http://example.org', 'ftp://127.0.0.1', 'nonsense', 'http://127.0.0.1.example.org']) {
      const { exit } = await run(['inbox', '--url', bad, '--token-file', path('token')]);
      expect([bad, exit]).toEqual([bad, 2]);
    }
    expect((await run(['inbox', '--url', url])).exit).toBe(2);
    expect((await run(['inbox', '--url', url, '--token-file', path('nowhere')])).exit).toBe(2);
    expect((await run(['inbox', '--url', url, '--token-file', write('bad', 'a b')])).exit).toBe(2);
    expect((await run(['inbox', '--directory', path('none')])).exit).toBe(2);
    expect(double.calls).toEqual([]);
  });

  it('an unknown token is said to be one', async () => {
    const { exit, err } = await run(['inbox', '--url', url, '--token-file', write('guess', 'guess')]);
    expect([exit, err]).toEqual([2, expect.stringContaining('TOKEN_UNKNOWN')]);
  });
});

describe('starters', () => {
  it('are handed what the options say, and their exit code is ours', async () => {
    expect(
      (
        await run([
          'up',
          '--directory',
          'd',
          '--hub-port',
          '0',
          '--port',
          'gr.customs=0',
          '--port',
          'it.police=8402',
        ])
      ).exit,
    ).toBe(0);
    expect(started[0]).toMatchObject([
      'up',
      { directory: 'd', hubPort: 0, ports: { 'gr.customs': 0, 'it.police': 8402 } },
    ]);
    expect((await run(['demo', 'sealing', 'attacks'])).exit).toBe(1);
    expect((await run(['gateway', '--config', 'x.yaml'])).exit).toBe(7);
    expect(started.slice(1)).toEqual([
      ['demo', ['sealing', 'attacks']],
      ['gateway', 'x.yaml'],
    ]);
  });
});

describe('help', () => {
  it('shows every verb, and each with an example that begins with it', async () => {
    const { out, exit } = await run([]);
    expect(exit).toBe(0);
    for (const verb of verbs) {
      expect(out).toContain(`\n  ${verb.name} `);
      const help = await run(['help', verb.name]);
      expect(help.out).toContain(`example: comity ${verb.name}`);
      expect((await run([verb.name, '--help'])).out).toBe(help.out);
      // Every option is explained.
      for (const name of Object.keys(verb.options ?? {})) {
        const shown = help.out.includes(`--${name}`);
        expect([verb.name, name, shown]).toEqual([verb.name, name, true]);
      }
    }
  });
});

describe('authorities and operators', () => {
  it('found a federation, admit an agency, sign by the threshold and no less', {
    timeout: 60_000,
  }, async () => {
    const ok = async (...argv: string[]) => {
      const result = await run(argv);
      expect([argv, result.exit, result.err]).toEqual([argv, 0, '']);
      return result.out;
    };
    const password = write('password', 'a long enough password');
    await ok('pki', 'init', '--directory', path('pki'));
    await ok('pki', 'agency', 'gr.customs', '--directory', path('pki'), '--password-file', password);
    await ok(
      'trust',
      'init',
      '--directory',
      path('trust'),
      '--name',
      'Test',
      '--environment',
      'test',
      '--authorities',
      '3',
      '--threshold',
      '2',
    );
    const changes = write(
      'changes.yaml',
      `members:
  - agency: gr.customs
    roles: [customs]
    publishes: [seizure]
    receives: [seizure]
    certificate: pki/gr.customs.pem
    intermediates: pki/gr.pem
    root: pki/root.pem
`,
    );
    const root = path('trust/root.json');
    await ok('trust', 'next', '--root', root, '--changes', changes, '--out', path('list.json'));
    const judged = ['trust', 'show', path('list.json'), '--root', root];
    const unsigned = await run(judged);
    expect([unsigned.exit, unsigned.err]).toEqual([4, expect.stringContaining('TRUST_THRESHOLD')]);
    // One authority twice is one authority.
    await ok('trust', 'sign', path('list.json'), '--key', path('trust/authority-1.pem'));
    await ok('trust', 'sign', path('list.json'), '--key', path('trust/authority-1.pem'));
    expect((await run(judged)).exit).toBe(4);
    await ok('trust', 'sign', path('list.json'), '--key', path('trust/authority-3.pem'));
    const shown = await ok(...judged);
    const federationId = /federation ([0-9a-f]{64})/.exec(shown)?.[1];
    expect(federationId).toBeDefined();

    await ok('keys', 'init', '--directory', path('gr'));
    await ok('keys', 'roll', '--directory', path('gr'), '--weeks', '2');
    const facts = write(
      'facts.yaml',
      `agency: gr.customs\nfederationId: "${federationId}"\ndirectory: { names: { en: Customs }, timeZone: Europe/Athens, languages: [el] }\n`,
    );
    const certificate = [
      '--certificate',
      path('pki/gr.customs.pem'),
      '--certificate-key',
      path('pki/gr.customs.key.pem'),
    ];
    const statement = path('gr/statement.jws');
    await ok(
      'keys',
      'statement',
      '--directory',
      path('gr'),
      '--facts',
      facts,
      ...certificate,
      '--out',
      statement,
    );
    await ok('keys', 'roll', '--directory', path('gr'));
    const same = ['--out', statement, '--previous', statement];
    await ok('keys', 'statement', '--directory', path('gr'), '--facts', facts, ...certificate, ...same);
    expect(await ok('keys', 'show', statement)).toContain('statement 2 of gr.customs');
    // Nothing secret is ever overwritten.
    expect((await run(['keys', 'init', '--directory', path('gr')])).exit).toBe(7);
    expect((await run(['pki', 'init', '--directory', path('pki')])).exit).toBe(7);
    expect(existsSync(path('pki/gr.customs.p12'))).toBe(true);

    // A suspended agency is the next list's business, signed again.
    const suspended = write(
      'suspend.yaml',
      'states:\n  - { agency: gr.customs, state: suspended, from: "2036-01-01T00:00:00Z" }\n',
    );
    await ok(
      'trust',
      'next',
      '--root',
      root,
      '--list',
      path('list.json'),
      '--changes',
      suspended,
      '--out',
      path('two.json'),
    );
    expect(await ok('trust', 'show', path('two.json'))).toContain('suspended');
  });

  it('a newcomer whose chain does not hold is not admitted', { timeout: 60_000 }, async () => {
    const password = write('password', 'a long enough password');
    for (const pki of ['one', 'two']) {
      await run(['pki', 'init', '--directory', path(pki)]);
      await run(['pki', 'agency', 'gr.customs', '--directory', path(pki), '--password-file', password]);
    }
    await run(['trust', 'init', '--directory', path('trust'), '--name', 'T', '--environment', 'test']);
    const changes = write(
      'changes.yaml',
      'members:\n  - { agency: gr.customs, roles: [customs], publishes: [], receives: [], certificate: one/gr.customs.pem, intermediates: one/gr.pem, root: two/root.pem }\n',
    );
    const out = ['--out', path('list.json')];
    const { exit, err } = await run([
      'trust',
      'next',
      '--root',
      path('trust/root.json'),
      '--changes',
      changes,
      ...out,
    ]);
    expect([exit, err]).toEqual([4, expect.stringContaining('CERTIFICATE_REFUSED')]);
    expect(existsSync(path('list.json'))).toBe(false);
  });

  it('policy check and test say what is valid and what passes', async () => {
    const baseline = ['--federation', 'config/policy/federation.cedar'];
    expect((await run(['policy', 'check', ...baseline])).out).toMatch(/^valid: \d+ policies/);
    expect((await run(['policy', 'test', ...baseline, 'config/policy/federation.test.yaml'])).exit).toBe(0);
    const wrong = write(
      'wrong.test.yaml',
      'title: wrong\nagencies: { gr.customs: [customs], it.police: [police] }\nrows:\n  - { name: no, action: disclose, from: gr.customs, to: it.police, expect: deny }\n',
    );
    expect((await run(['policy', 'test', ...baseline, wrong])).exit).toBe(1);
    const invalid = await run(['policy', 'check', '--federation', write('x.cedar', 'permit(')]);
    expect([invalid.exit, invalid.err]).toEqual([7, expect.stringContaining('x.cedar')]);
  });
});
