/** What a broadcast costs by the size of its audience: drawing the key for a set once, and each message after. */
import { createAudienceKeyring } from '../src/gateway/audience.ts';
import { emit } from '../src/gateway/emit.ts';
import type { GatewayContext } from '../src/gateway/index.ts';
import { release } from '../src/gateway/release.ts';
import { sealDraft } from '../src/gateway/seal-draft.ts';
import { parseDraft } from '../src/schema/index.ts';
import type { AgencyId } from '../src/types.ts';
import { answerDraft } from './drafts.ts';
import { makeFederation } from './federation.ts';
import { composeGateway, inFolder, officer } from './gateways.ts';
import { median } from './measure.ts';
import type { Row } from './row.ts';

const sizes = [1, 8, 40, 256] as const;
const rounds = 200;

export async function* audience(): AsyncGenerator<Row> {
  const others = Array.from({ length: Math.max(...sizes) }, (_, index) => `aa.n${index}`);
  const federation = await makeFederation(['gr.customs', ...others]);
  yield* await inFolder(async (directory) => {
    const sender = await composeGateway({ federation, agency: 'gr.customs', directory });
    const rows = sizes.flatMap((size) => measure(sender.context, size));
    await sender.stop();
    return rows;
  });
}

function measure(context: GatewayContext, size: number): readonly Row[] {
  const members = context.trust
    .members()
    .map(({ agency }) => agency)
    .filter((agency) => agency !== context.agency)
    .slice(0, size)
    .sort();
  const first = timed(() => drawKey(context, members));
  const again = timed(() => drawKey(context, members.slice(0, -1).concat(members.slice(-1))));
  const each = Array.from({ length: rounds }, (_, index) => timed(() => seal(context, members, index)));
  const what = size === 1 ? 'pairwise key' : 'AudienceKey drawn, wrapped and signed';
  return [
    { bench: 'audience', what: `${size}: ${what}, peers' keys new`, value: first, unit: 'ms' },
    { bench: 'audience', what: `${size}: ${what}, peers' keys known`, value: again, unit: 'ms' },
    {
      bench: 'audience',
      what: `${size}: one message sealed under it`,
      value: median(each),
      unit: 'ms',
      note: 'cover and answer, one part',
    },
  ];
}

function timed(work: () => void): number {
  const start = performance.now();
  work();
  return performance.now() - start;
}

/** A set of one uses the pairwise key and draws none. */
function drawKey(context: GatewayContext, members: readonly AgencyId[]): void {
  context.store.transaction(() => {
    const keyring = createAudienceKeyring({
      ...context,
      store: { ...context.store, audienceKeys: { ...context.store.audienceKeys, own: () => undefined } },
    });
    keyring.keyFor(members);
    const { rows, announcements } = keyring.drawn();
    for (const row of rows) context.store.audienceKeys.put(row);
    emit(context, announcements);
  });
}

function seal(context: GatewayContext, members: readonly AgencyId[], index: number): void {
  const draft = parseDraft({
    ...answerDraft(index),
    to: members.length === 1 ? { agencies: members } : 'all',
  });
  const released = release(context, draft, officer);
  const allowed = new Set(members);
  const sections = released.sections.map((section) => ({ ...section, allowed }));
  context.store.transaction(() => {
    sealDraft(context, {
      released: { ...released, recipients: members, sections },
      officer,
      reference: 'GR-CUS-2027-000001-1',
      keyring: createAudienceKeyring(context),
    });
  });
}
