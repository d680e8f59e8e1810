/** What callers and recipients saw, and whether it hangs together. A pure function over histories. */

/** One draft of a caller: every answer that any of its tries got. */
export type Submitted = Readonly<{
  from: string;
  key: string;
  recipients: readonly string[];
  answers: readonly string[];
}>;

/** A message as its recipient stored it; a history lists them in the order of storing. */
export type Arrived = Readonly<{ id: string; from: string; channel: string; sequence: number }>;

export type AgencyHistory = Readonly<{
  agency: string;
  inbox: readonly Arrived[];
  /** Ids of the audit records of messages submitted and received here. */
  audited: Readonly<{ submitted: readonly string[]; received: readonly string[] }>;
  auditIntact: boolean;
  channelsWithGaps: readonly string[];
  /** `<id> <recipient>` of own messages whose receipt has not come. */
  unreceipted: readonly string[];
  quarantined: number;
  /**
   * The process that received was killed: the hub delivers again, after a while, what that process held,
   * so that later messages may be stored first. Order is by channel and sequence then, not by storing.
   */
  wasKilled: boolean;
}>;

export type History = Readonly<{ submitted: readonly Submitted[]; agencies: readonly AgencyHistory[] }>;

/** One line a fault; none where every accepted message took effect once, everywhere, in order. */
export function faultsOf(history: History): readonly string[] {
  return [
    ...history.submitted.flatMap(answerFaults),
    ...lossFaults(history),
    ...history.agencies.flatMap((agency) => inboxFaults(history, agency)),
    ...history.agencies.flatMap((agency) => auditFaults(history, agency)),
    ...history.agencies.flatMap(stateFaults),
  ];
}

function answerFaults({ from, key, answers }: Submitted): readonly string[] {
  const ids = new Set(answers);
  if (ids.size === 0) return [`${from}: ${key} was never answered`];
  return ids.size === 1 ? [] : [`${from}: ${key} was answered with ${ids.size} messages`];
}

function lossFaults({ submitted, agencies }: History): readonly string[] {
  return submitted.flatMap(({ from, key, recipients, answers: [id] }) =>
    recipients.flatMap((recipient) => {
      const inbox = agencies.find(({ agency }) => agency === recipient)?.inbox ?? [];
      const times = inbox.filter((arrived) => arrived.id === id && arrived.from === from).length;
      if (times === 1 || id === undefined) return [];
      return [`${recipient}: ${key} of ${from} arrived ${times} times`];
    }),
  );
}

function inboxFaults({ submitted }: History, { agency, inbox, wasKilled }: AgencyHistory): readonly string[] {
  const accepted = new Set(submitted.flatMap(({ from, answers }) => answers.map((id) => `${from} ${id}`)));
  const phantoms = inbox
    .filter(({ id, from }) => !accepted.has(`${from} ${id}`))
    .map(({ id, from }) => `${agency}: ${id} of ${from} was never answered to its caller`);
  return [...phantoms, ...channelFaults(agency, inbox, wasKilled)];
}

function channelFaults(agency: string, inbox: readonly Arrived[], wasKilled: boolean): readonly string[] {
  const channels = new Map<string, number[]>();
  for (const { channel, sequence } of inbox)
    channels.set(channel, [...(channels.get(channel) ?? []), sequence]);
  return [...channels].flatMap(([channel, sequences]) => {
    const faults: string[] = [];
    const ascending = [...sequences].sort((a, b) => a - b);
    if (new Set(sequences).size !== sequences.length)
      faults.push(`${agency}: ${channel} holds a position twice`);
    if ((ascending.at(-1) ?? 0) - (ascending[0] ?? 0) + 1 > sequences.length)
      faults.push(`${agency}: ${channel} has a gap`);
    if (!wasKilled && sequences.some((sequence, index) => sequence !== ascending[index]))
      faults.push(`${agency}: ${channel} is out of order`);
    return faults;
  });
}

function auditFaults(history: History, { agency, inbox, audited }: AgencyHistory): readonly string[] {
  const own = history.submitted.filter(({ from }) => from === agency);
  const ids = own.flatMap(({ answers: [id] }) => (id === undefined ? [] : [id]));
  return [
    ...onceEach(`${agency}: message.submitted`, ids, audited.submitted),
    ...onceEach(
      `${agency}: message.received`,
      inbox.map(({ id }) => id),
      audited.received,
    ),
  ];
}

function onceEach(what: string, wanted: readonly string[], found: readonly string[]): readonly string[] {
  const missing = wanted.filter((id) => !found.includes(id)).map((id) => `${what} lacks ${id}`);
  const surplus = found
    .filter((id) => !wanted.includes(id))
    .map((id) => `${what} has ${id}, which is nowhere`);
  const twice = found.length > new Set(found).size ? [`${what} has a message twice`] : [];
  return [...missing, ...surplus, ...twice];
}

function stateFaults({
  agency,
  auditIntact,
  channelsWithGaps,
  unreceipted,
  quarantined,
}: AgencyHistory): readonly string[] {
  return [
    ...(auditIntact ? [] : [`${agency}: the audit chain does not verify`]),
    ...channelsWithGaps.map((channel) => `${agency}: ${channel} is incomplete`),
    ...unreceipted.map((message) => `${agency}: no receipt for ${message}`),
    ...(quarantined === 0 ? [] : [`${agency}: ${quarantined} messages in quarantine`]),
  ];
}
