/** What this kind of agency sends and takes. It narrows what the trust list grants, and never widens it. */
import { defineProfile } from '../../src/index.ts';

export const profile = defineProfile({
  title: 'liaison office',
  sends: ['red-flag', 'request', 'response', 'note'],
  takes: ['seizure', 'red-flag', 'object', 'shipment', 'request', 'response', 'note'],
});
