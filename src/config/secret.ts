/** A value that must not be shown: printing, logging and JSON see a placeholder. */
import { inspect } from 'node:util';

const placeholder = '[secret]';

export interface Secret<T> {
  reveal(): T;
}

export function secret<T>(value: T): Secret<T> {
  return Object.freeze({
    reveal: () => value,
    toString: () => placeholder,
    toJSON: () => placeholder,
    [inspect.custom]: () => placeholder,
  });
}
