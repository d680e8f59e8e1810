/** What this kind of agency sends and takes. It narrows what the trust list grants, and never widens it. */
import { defineProfile } from '../../src/index.ts';

export const profile = defineProfile({
  title: 'heritage service',
  sends: ['object', 'red-flag', 'response', 'note'],
  takes: ['seizure', 'red-flag', 'object', 'response', 'note'],
});
