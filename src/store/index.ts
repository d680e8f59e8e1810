export type { Erasure, MessageStore } from './messages.ts';
export { type OpenedStore, openStore, type StoreOptions, storeFiles } from './open.ts';
export type * from './port.ts';
export { openReader, type Reader, type ReaderOptions } from './reader.ts';
