/** Answers by question, the least recently asked forgotten first. */
export class Remembered<T> {
  readonly #answers = new Map<string, T>();
  readonly #entriesMax: number;

  constructor(entriesMax: number) {
    this.#entriesMax = entriesMax;
  }

  get(question: string): T | undefined {
    const answer = this.#answers.get(question);
    if (answer === undefined) return undefined;
    this.#answers.delete(question);
    this.#answers.set(question, answer);
    return answer;
  }

  set(question: string, answer: T): void {
    this.#answers.delete(question);
    this.#answers.set(question, answer);
    const [oldest] = this.#answers.keys();
    if (this.#answers.size > this.#entriesMax && oldest !== undefined) this.#answers.delete(oldest);
  }

  get size(): number {
    return this.#answers.size;
  }
}
