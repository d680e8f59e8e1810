/** A gateway in memory, for routing and validation only. */
import { ComityError } from '../../../src/errors.ts';
import type { EventView, GatewayApi, Officer } from '../../../src/gateway/views.ts';
import { createHttp, type Http, type TokenHolder } from '../../../src/http/index.ts';
import { sha256 } from '../../../src/keys/index.ts';
import { type Log, silentLog } from '../../../src/log.ts';
import type { AgencyId } from '../../../src/types.ts';

export const messageId = '01890000-0000-7000-8000-000000000001';
const agency = 'gr.customs' as AgencyId;
const at = '2026-03-01T09:00:00.000Z';

export type Recorded = { call: string; officer?: Officer; arguments: unknown[] };

export function createDouble() {
  const calls: Recorded[] = [];
  const events: EventView[] = [];
  const listeners = new Set<() => void>();
  let fault: Error | undefined;
  const note = (call: string, officer: Officer | undefined, ...given: unknown[]) => {
    calls.push({ call, ...(officer === undefined ? {} : { officer }), arguments: given });
    if (fault !== undefined) throw fault;
  };
  const summary = {
    id: messageId,
    cursor: 7,
    direction: 'in',
    from: 'it.police' as AgencyId,
    to: 'all',
    kind: 'object',
    lane: 'bulk',
    createdAt: at,
    storedAt: at,
    flags: [],
  } as const;
  const gateway: GatewayApi = {
    agency,
    preview(draft, officer) {
      note('preview', officer, draft);
      return {
        kind: 'object',
        lane: 'day',
        decision: 'allow',
        reasons: [],
        obligations: [],
        recipients: [
          {
            agency: 'it.police' as AgencyId,
            roles: ['police'],
            sees: 'sections',
            keys: 'ready',
            sections: [
              {
                field: 6,
                name: 'persons',
                category: 'PERSON',
                present: true,
                reads: false,
                reasons: [{ policy: 'p1', text: 'why not' }],
              },
            ],
          },
        ],
        warnings: [],
      };
    },
    async submit(draft, officer, key) {
      note('submit', officer, draft, key);
      return {
        id: messageId,
        reference: 'GR-CUS-2026-000001-3',
        kind: 'object',
        lane: 'day',
        createdAt: at,
        copies: [
          {
            id: messageId,
            to: 'all',
            subject: 'comity.gr.customs.all.day.object',
            sequence: 1,
            digest: '00',
          },
        ],
        recipients: [{ agency: 'it.police' as AgencyId, state: 'sent' }],
      };
    },
    async list(query, officer) {
      note('list', officer, query);
      return { items: [summary], next: 7 };
    },
    show(id, officer) {
      note('show', officer, id);
      if (id !== messageId) throw new ComityError('NOT_FOUND');
      return {
        ...summary,
        digest: '00',
        subject: 'comity.it.police.all.bulk.object',
        epoch: '00',
        sequence: 1,
        schema: 'comity.object.v1.ObjectFlag/1',
        deliverBy: at,
        sections: [
          { field: 1, name: 'cover', category: 'COVER', state: 'read', content: { reference: 'x' } },
          { field: 2, name: 'object', category: 'OBJECT', state: 'withheld' },
        ],
        answers: [],
      };
    },
    receipts(id, officer) {
      note('receipts', officer, id);
      return {
        id,
        recipients: [
          { agency: 'it.police' as AgencyId, state: 'arrived', since: at, sections: ['cover'], answers: [] },
        ],
      };
    },
    envelope(id, officer) {
      note('envelope', officer, id);
      return Uint8Array.of(0, 255, 10, 13, 128);
    },
    quarantine(before, limit) {
      note('quarantine', undefined, before, limit);
      return {
        items: [
          {
            id: 1,
            at,
            code: 'SIGNATURE_INVALID',
            meaning: 'no',
            duty: 'ask the sender',
            subject: 's',
            bytes: 9,
            reasons: [],
          },
        ],
      };
    },
    events(_officer, { after, limit }) {
      const page = events.filter((event) => event.id > after).slice(0, limit);
      const shown = page.filter(({ type }) => type !== 'hidden');
      return { events: shown, upTo: page.at(-1)?.id ?? after };
    },
    lastEventId: () => events.at(-1)?.id ?? 0,
    onEvents(run) {
      listeners.add(run);
      return () => listeners.delete(run);
    },
    health() {
      note('health', undefined);
      return {
        agency,
        ready: true,
        link: 'connected',
        trustVersion: 1,
        statements: [agency],
        missingStatements: [],
        waitingOutbox: 0,
        quarantined: 0,
        parked: 0,
        checks: [],
      };
    },
    metrics() {
      note('metrics', undefined);
      return [
        {
          name: 'comity_messages_total',
          help: 'messages',
          type: 'counter',
          value: 3,
          labels: { lane: 'day' },
        },
        { name: 'comity_outbox', help: 'rows "waiting"\\\n', type: 'gauge', value: 1 },
        {
          name: 'comity_messages_total',
          help: 'messages',
          type: 'counter',
          value: 4,
          labels: { lane: 'a"\n\\' },
        },
      ];
    },
  };
  return {
    gateway,
    calls,
    listeners,
    fail(error: Error | undefined) {
      fault = error;
    },
    emit(type: string) {
      events.push({ id: events.length + 1, type, at, facts: {} });
      for (const run of listeners) run();
    },
  };
}

const everything = ['draft', 'send', 'approve', 'read', 'operate', 'audit'] as const;
export const tokens = { all: 'token-of-all', reader: 'token-of-reader', service: 'token-of-service' };

const digestOf = (token: string) => Buffer.from(sha256(Buffer.from(token))).toString('hex');
export const holders: TokenHolder[] = [
  {
    officer: { pseudonym: 'officer-1', desk: 'd', role: 'investigator', scopes: everything },
    tokenSha256: digestOf(tokens.all),
  },
  {
    officer: { pseudonym: 'reader-1', desk: 'd', role: 'analyst', scopes: ['read'] },
    tokenSha256: digestOf(tokens.reader),
  },
  {
    officer: { pseudonym: 'case-system', desk: 'd', role: 'service', scopes: ['read', 'draft'] },
    tokenSha256: digestOf(tokens.service),
    actsFor: ['officer-1'],
  },
];

export type TestClock = {
  nowMs(): number;
  after(delayMs: number, run: () => void): () => void;
  fire(): void;
};

/** A clock whose timers run when the test says so. */
export function createTestClock(): TestClock {
  const waiting = new Set<() => void>();
  return {
    nowMs: () => Date.parse(at),
    after(_delayMs, run) {
      waiting.add(run);
      return () => waiting.delete(run);
    },
    fire() {
      const due = [...waiting];
      waiting.clear();
      for (const run of due) run();
    },
  };
}

export function httpOn(
  double: ReturnType<typeof createDouble>,
  clock: TestClock = createTestClock(),
  log: Log = silentLog,
): Http {
  return createHttp({
    gateway: double.gateway,
    officers: holders,
    clock,
    log,
    openApi: {
      version: '0.1.0',
      drafts: {
        object: {
          type: 'object',
          $defs: { a: { type: 'string' } },
          properties: { x: { $ref: '#/$defs/a' } },
        },
      },
    },
  });
}

export const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
