/** The only logger. Records are typed: an event id and plain facts, never content (docs/audit-events.md). */
import { type Logger as PinoLogger, pino } from 'pino';
import { ComityError } from './errors.ts';

/** Facts that may stand in a log: identifiers, codes, counts. No text from a message. */
export type Facts = Readonly<Record<string, string | number | boolean | undefined>>;

export interface Log {
  debug(event: string, facts?: Facts): void;
  info(event: string, facts?: Facts): void;
  warn(event: string, facts?: Facts): void;
  error(event: string, facts?: Facts): void;
}

export function createLog(level: string, service: string): Log {
  return wrap(pino({ level, base: { service } }, pino.destination({ dest: 2, sync: true })));
}

export const silentLog: Log = Object.freeze({ debug() {}, info() {}, warn() {}, error() {} });

function wrap(logger: PinoLogger): Log {
  return {
    debug: (event, facts) => logger.debug({ ...facts }, event),
    info: (event, facts) => logger.info({ ...facts }, event),
    warn: (event, facts) => logger.warn({ ...facts }, event),
    error: (event, facts) => logger.error({ ...facts }, event),
  };
}

/** Where it failed, for a log, without the words of the error: those may quote a message. */
export function placeOf(error: unknown): string {
  const cause = error instanceof ComityError && error.cause !== undefined ? error.cause : error;
  if (!(cause instanceof Error)) return typeof cause;
  const frames = (cause.stack ?? '').split('\n').filter((line) => line.trimStart().startsWith('at '));
  return [cause.name, ...frames.slice(0, 8).map((line) => line.trim())].join(' ');
}
