export type { Client } from './client.ts';
export { clientFrom } from './connection.ts';
export { main, verbs } from './main.ts';
export type { Io, Output, Starters, UpOptions, Verb } from './verb.ts';
