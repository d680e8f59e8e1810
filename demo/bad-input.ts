/** A hub that alters, replays and misroutes what an agency signed, and carries what a revoked one signs. */
import { type AgencyId, type QuarantineView, systemClock } from '../src/index.ts';
import type { Checks } from './checks.ts';
import type { Desk } from './desk.ts';
import { type Act, customs, example, former, heritage, police, type Stage } from './story.ts';
import { seen } from './waiting.ts';

type Signed = Readonly<{ id: string; subject: string; bytes: Uint8Array }>;

export const badInput: Act = {
  name: 'bad-input',
  summary: 'altered, replayed, misaddressed and revoked envelopes are quarantined, each with its code',
  async play(stage, { check }) {
    // Its gateway signs as ever and reaches no hub: what it signed is in the hands of whoever carries it.
    const sender = await stage.cutOff(former);
    const first = await sign(sender, police);
    await carry(stage, first);
    check(await arrives(stage, first), `control: what ${former} signed arrives where it is carried as it is`);

    const second = await sign(sender, police);
    await refused(stage, check, {
      what: 'one bit is flipped',
      code: 'BATCH_PROOF_INVALID',
      put: () => carry(stage, { ...second, bytes: withFlippedBit(second.bytes) }),
    });
    await refused(stage, check, {
      what: 'replayed at another position',
      code: 'SUBJECT_MISMATCH',
      put: () => carry(stage, { ...first, subject: first.subject.replace('.day.', '.bulk.') }),
    });
    const elsewhere = await sign(sender, heritage);
    await misroute(stage, elsewhere, async () => {
      await refused(stage, check, {
        what: `addressed to ${heritage}`,
        code: 'MISADDRESSED',
        put: () => carry(stage, elsewhere),
      });
    });
    await carry(stage, second);
    check(await arrives(stage, second), 'the next good message of the same channel arrives');

    const version = await revoke(stage);
    const late = await sign(sender, police);
    await refused(stage, check, {
      what: `${former} is revoked by trust list ${version}`,
      code: 'AGENCY_REVOKED',
      put: () => carry(stage, late),
    });
    const { id } = await stage
      .desk(customs)
      .send({ ...example('seizure-minimal'), to: { agencies: [police] } });
    check(await arrives(stage, { id }), `the next good message, of ${customs}, arrives`);
  },
};

/** A message that its gateway has signed and kept, but not got rid of. */
async function sign(sender: Desk, to: AgencyId): Promise<Signed> {
  const draft = { ...example('red-flag'), lane: 'day', to: { agencies: [to] } };
  const { id, copies } = await sender.send(draft);
  return { id, subject: copies[0]?.subject ?? '', bytes: await sender.envelope(id) };
}

/** With HUB's own credentials, which publish anything anywhere. */
async function carry({ hub }: Stage, { subject, bytes }: Signed): Promise<void> {
  await hub.hub.hub.jetstream.publish(subject, bytes);
}

async function arrives(stage: Stage, { id }: Pick<Signed, 'id'>): Promise<boolean> {
  const desk = stage.desk(police);
  const found = await seen(
    async () => (await desk.messages({ direction: 'in' })).some((message) => message.id === id),
    (there) => there,
  );
  return found;
}

type Bad = Readonly<{ what: string; code: string; put: () => Promise<void> }>;

async function refused(stage: Stage, check: Checks['check'], { what, code, put }: Bad): Promise<void> {
  const desk = stage.desk(police);
  const newest = (await desk.quarantine())[0]?.id ?? 0;
  await put();
  const rows = await seen(
    async () => (await desk.quarantine()).filter(({ id }) => id > newest),
    (found) => found.length > 0,
  );
  check(
    rows.length === 1 && rows[0]?.code === code,
    `${what}: quarantined ${rows.map(describe).join(', ') || 'nothing'}`,
  );
}

function describe({ code, bytes }: QuarantineView): string {
  return `${code} (${bytes} bytes)`;
}

/** The last bit of the header, which stands first in the envelope with its length before it. */
function withFlippedBit(bytes: Uint8Array): Uint8Array {
  let length = 0;
  let at = 1;
  for (let shift = 0; ; shift += 7) {
    const byte = bytes[at++] ?? 0;
    length += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) break;
  }
  return bytes.map((byte, index) => (index === at + length - 1 ? byte ^ 1 : byte));
}

/** The hub's operator rewires a mailbox so that it delivers what is addressed to another; mended afterwards. */
async function misroute(stage: Stage, { subject }: Signed, run: () => Promise<void>): Promise<void> {
  const { manager } = stage.hub.hub.hub;
  const stream = 'TO_it_police';
  const durable = 'it_police_day';
  const { config } = await manager.streams.info(stream);
  const { config: consumer } = await manager.consumers.info(stream, durable);
  const source = { name: 'TO_fr_heritage', filter_subject: subject };
  await manager.streams.update(stream, { sources: [source] });
  const filters = consumer.filter_subjects ?? [];
  await manager.consumers.update(stream, durable, { filter_subjects: [...filters, subject] });
  try {
    await run();
  } finally {
    await manager.consumers.update(stream, durable, { filter_subjects: filters });
    await manager.streams.update(stream, { ...config, sources: [] });
  }
}

/** Resolves when every other gateway has the new list. */
async function revoke(stage: Stage): Promise<number> {
  const { federation } = stage.running;
  const list = federation.changeState(former, 'revoked', systemClock.nowMs());
  await stage.hub.publish(list);
  const { version } = federation.list();
  for (const agency of [police, customs, heritage]) {
    await seen(
      () => stage.desk(agency).health(),
      ({ trustVersion }) => trustVersion >= version,
    );
  }
  return version;
}
