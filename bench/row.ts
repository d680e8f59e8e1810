/** What a benchmark reports: one line each, in plain text or as JSON. */

export type Row = Readonly<{
  bench: string;
  what: string;
  value: number;
  unit: string;
  /** The same work done by a bare peer in the same run. */
  peer?: number;
  /** Ours as a share of the peer's; more is better. */
  ratio?: number;
  /** What docs/performance.md asks for, with its direction. */
  aim?: string;
  note?: string;
}>;

export type Settings = Readonly<{
  /** Messages that were missed, for `catch-up`. */
  missed: number;
  /** Messages in the larger store, for `listing`. */
  stored: number;
  /** How long idle gateways are watched, for `hub`. */
  idleSeconds: number;
}>;

export type Bench = (settings: Settings) => AsyncGenerator<Row>;

const widths = { bench: 9, what: 58, value: 20, peer: 14, ratio: 7, aim: 16 };

export function tableHead(): string {
  return line({
    bench: 'bench',
    what: 'what',
    value: 'value',
    peer: 'bare peer',
    ratio: 'ratio',
    aim: 'aim',
    note: '',
  });
}

export function tableRow(row: Row): string {
  return line({
    bench: row.bench,
    what: row.what,
    value: `${rounded(row.value)} ${row.unit}`,
    peer: row.peer === undefined ? '' : rounded(row.peer),
    ratio: row.ratio === undefined ? '' : row.ratio.toFixed(2),
    aim: row.aim ?? '',
    note: row.note ?? '',
  });
}

type Cells = Readonly<Record<keyof typeof widths | 'note', string>>;

function line(cells: Cells): string {
  const text = (name: keyof typeof widths) => cells[name].padEnd(widths[name]);
  const number = (name: keyof typeof widths) => cells[name].padStart(widths[name]);
  return [
    text('bench'),
    text('what'),
    number('value'),
    number('peer'),
    number('ratio'),
    ` ${text('aim')}`,
    cells.note,
  ]
    .join(' ')
    .trimEnd();
}

function rounded(value: number): string {
  if (value >= 100) return Math.round(value).toLocaleString('en');
  return value.toPrecision(3);
}
