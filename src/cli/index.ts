export { main, verbs } from './main.ts';
export type { Io, Output, Starters, UpOptions, Verb } from './verb.ts';
