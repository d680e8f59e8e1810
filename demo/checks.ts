/** What the demonstration found: one line a check, and the count at the end. */
import { systemClock } from '../src/index.ts';

export type Finding = Readonly<{
  act: string;
  holds: boolean;
  sentence: string;
  /** Since the start. */
  seconds: number;
}>;

export interface Checks {
  /** Records and shows one check; the sentence says what should be, with the figures seen. */
  check(holds: boolean, sentence: string): void;
  /** Lines for people between the checks. */
  show(lines: readonly string[]): void;
}

export class Tally {
  readonly findings: Finding[] = [];
  readonly #print: (line: string) => void;
  readonly #startedMs = systemClock.nowMs();

  constructor(print: (line: string) => void) {
    this.#print = print;
  }

  get seconds(): number {
    return (systemClock.nowMs() - this.#startedMs) / 1000;
  }

  of(act: string): Checks {
    return {
      check: (holds, sentence) => {
        this.findings.push({ act, holds, sentence, seconds: this.seconds });
        this.#print(`${holds ? '✓' : '✗'} ${act}: ${sentence}`);
      },
      show: (lines) => {
        for (const line of lines) this.#print(`    ${line}`);
      },
    };
  }

  get failed(): number {
    return this.findings.filter(({ holds }) => !holds).length;
  }

  get passed(): number {
    return this.findings.length - this.failed;
  }
}
