/** The shapes of what the API takes and gives (src/gateway/views.ts), as validators and for OpenAPI. */
import { z } from 'zod';
import { scopes } from '../gateway/views.ts';
import { limits } from '../limits.ts';
import { categories, isAgencyId, kinds, lanes } from '../types.ts';

export const agencyShape = z
  .string()
  .regex(/^[a-z]{2}\.[a-z][a-z0-9-]{0,30}$/)
  .refine(isAgencyId, 'expected an agency such as gr.customs')
  .describe('<jurisdiction>.<name>');
const kindShape = z.enum(kinds);
const laneShape = z.enum(lanes);
const instantShape = z.iso.datetime();
const agencyOrAll = z.union([z.literal('all'), agencyShape]);
const reasonShape = z.strictObject({
  policy: z.string(),
  text: z.string(),
  id: z.string().optional().describe('names the sentence, for other languages'),
});
export const messageIdShape = z
  .string()
  .regex(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/, {
    error: 'expected a message id (UUIDv7)',
  });

/** A whole number as it stands in a URL. */
export function numberInUrl(min: number, max: number): z.ZodType<number, string> {
  return z
    .string()
    .regex(/^(0|[1-9][0-9]{0,15})$/, { error: 'expected a whole number' })
    .transform(Number)
    .refine((value) => value >= min && value <= max, `expected ${min} to ${max}`);
}

export const cursorInUrl = numberInUrl(0, Number.MAX_SAFE_INTEGER);
export const limitInUrl = numberInUrl(1, limits.pageRowsMax);

export const previewShape = z.strictObject({
  kind: kindShape,
  lane: laneShape,
  decision: z.enum(['allow', 'deny', 'owed']),
  reasons: z.array(reasonShape),
  obligations: z.array(z.string()),
  recipients: z.array(
    z.strictObject({
      agency: agencyShape,
      roles: z.array(z.string()),
      sees: z.enum(['sections', 'existence', 'nothing']),
      keys: z.enum(['ready', 'grace', 'none']),
      sections: z.array(
        z.strictObject({
          field: z.int(),
          name: z.string(),
          category: z.enum(categories),
          present: z.boolean(),
          reads: z.boolean(),
          reasons: z.array(reasonShape),
        }),
      ),
    }),
  ),
  warnings: z.array(z.strictObject({ id: z.string(), text: z.string() })),
});

export const submissionShape = z.strictObject({
  id: messageIdShape,
  reference: z.string(),
  kind: kindShape,
  lane: laneShape,
  createdAt: instantShape,
  copies: z.array(
    z.strictObject({
      id: messageIdShape,
      to: agencyOrAll,
      subject: z.string(),
      sequence: z.int(),
      digest: z.string(),
    }),
  ),
  recipients: z.array(z.strictObject({ agency: agencyShape, state: z.enum(['sent', 'no-keys']) })),
});

export const summaryShape = z.strictObject({
  id: messageIdShape,
  cursor: z.int(),
  direction: z.enum(['in', 'out']),
  from: agencyShape,
  to: agencyOrAll,
  kind: kindShape,
  lane: laneShape,
  reference: z.string().optional(),
  createdAt: instantShape,
  storedAt: instantShape,
  inForceUntil: instantShape.optional(),
  flags: z.array(z.string()),
});

export const messageShape = summaryShape.extend({
  digest: z.string(),
  subject: z.string(),
  epoch: z.string(),
  sequence: z.int(),
  schema: z.string(),
  deliverBy: instantShape,
  sections: z.array(
    z.strictObject({
      field: z.int(),
      name: z.string(),
      category: z.enum(categories),
      state: z.enum(['read', 'open', 'withheld', 'absent', 'denied']),
      content: z.unknown().optional(),
      reasons: z.array(reasonShape).optional(),
    }),
  ),
  answers: z.array(z.string()),
});

export const receiptsShape = z.strictObject({
  id: messageIdShape,
  reference: z.string().optional(),
  recipients: z.array(
    z.strictObject({
      agency: agencyShape,
      state: z.enum(['sent', 'published', 'arrived', 'waiting', 'refused', 'answered', 'no-keys']),
      code: z.string().optional(),
      since: instantShape,
      sections: z.array(z.string()),
      answers: z.array(z.strictObject({ id: messageIdShape, status: z.string(), at: instantShape })),
    }),
  ),
});

export const quarantinedShape = z.strictObject({
  id: z.int(),
  at: instantShape,
  code: z.string(),
  meaning: z.string(),
  duty: z.string(),
  subject: z.string(),
  sender: z.string().optional(),
  bytes: z.int(),
  reasons: z.array(reasonShape),
});

export const eventShape = z.strictObject({
  id: z.int(),
  type: z.string(),
  at: instantShape,
  message: z.string().optional(),
  kind: kindShape.optional(),
  lane: laneShape.optional(),
  facts: z.record(z.string(), z.union([z.string(), z.number()])),
});

export const livenessShape = z.strictObject({ alive: z.literal(true) });

export const healthShape = z.strictObject({
  agency: agencyShape,
  ready: z.boolean(),
  link: z.string(),
  trustVersion: z.int(),
  statements: z.array(agencyShape),
  missingStatements: z.array(agencyShape),
  waitingOutbox: z.int(),
  quarantined: z.int(),
  parked: z.int(),
  checks: z.array(
    z.strictObject({
      id: z.string(),
      state: z.enum(['ok', 'warning', 'failing']),
      text: z.string(),
      remedy: z.string().optional(),
    }),
  ),
});

export function pageShape(item: z.ZodType): z.ZodType {
  return z.strictObject({
    items: z.array(item),
    next: z.int().optional().describe('the cursor to go on from'),
  });
}

export const messageQueryShape = z
  .strictObject({
    kind: kindShape.optional(),
    lane: laneShape.optional(),
    direction: z.enum(['in', 'out']).optional(),
    sender: agencyShape.optional(),
    reference: z.string().min(1).max(limits.searchTextCharsMax).optional(),
    search: z.string().min(1).max(limits.searchTextCharsMax).optional().describe('words that all occur'),
    after: cursorInUrl.optional().describe('oldest first, after this cursor'),
    before: cursorInUrl.optional().describe('newest first, before this cursor'),
    limit: limitInUrl.optional(),
  })
  .refine((query) => query.after === undefined || query.before === undefined, {
    error: 'after and before exclude each other',
    path: ['before'],
  });

export const scopeShape = z.enum(scopes);
