/**
 * Every error that leaves a module, by its stable code. The code is API: it stands in problem
 * details, in quarantine, in receipts and in exit codes. `docs/errors.md` shows this table.
 */

/** What the caller should do about an error. */
export type Duty =
  | 'mend the request'
  | 'ask for permission'
  | 'retry later'
  | 'ask the operator'
  | 'ask the sender'
  | 'nothing';

type Row = Readonly<{ http: number; exit: number; duty: Duty; meaning: string }>;

const row = (http: number, exit: number, duty: Duty, meaning: string): Row => ({ http, exit, duty, meaning });

// Exit codes: 1 failure, 2 usage, 3 refused by policy, 4 bad data, 5 not found, 6 try later, 7 configuration.
export const errorTable = {
  // Requests to a gateway
  REQUEST_INVALID: row(400, 4, 'mend the request', 'the request is not of the form that the API takes'),
  METHOD_NOT_ALLOWED: row(405, 4, 'mend the request', 'the resource does not take this method'),
  REQUEST_TOO_LARGE: row(413, 4, 'mend the request', 'the body of the request exceeds its bound'),
  CONTENT_TYPE_REFUSED: row(
    415,
    4,
    'mend the request',
    'the body is not declared as application/json in UTF-8',
  ),
  TOKEN_MISSING: row(401, 2, 'mend the request', 'no bearer token was given'),
  TOKEN_UNKNOWN: row(401, 2, 'mend the request', 'the bearer token is not known here'),
  SCOPE_MISSING: row(403, 3, 'ask for permission', 'the officer lacks the scope that this needs'),
  NOT_FOUND: row(404, 5, 'mend the request', 'there is no such thing, or this officer may not see it'),
  IDEMPOTENCY_KEY_REUSED: row(409, 4, 'mend the request', 'the idempotency key was used for another draft'),
  DRAFT_INVALID: row(422, 4, 'mend the request', 'fields of the draft are missing or wrong'),
  DRAFT_TOO_LARGE: row(422, 4, 'mend the request', 'the draft does not fit into an envelope'),
  RECIPIENT_UNKNOWN: row(
    422,
    4,
    'mend the request',
    'an addressee is not an active agency that takes this kind',
  ),
  POLICY_REFUSED: row(403, 3, 'ask for permission', 'a policy forbids it; the reasons say which and why'),
  POLICY_NOT_PERMITTED: row(403, 3, 'ask for permission', 'no policy permits it'),
  OBLIGATION_OWED: row(
    403,
    3,
    'ask for permission',
    'a policy allows it only once an obligation is fulfilled',
  ),
  BACK_PRESSURE: row(429, 6, 'retry later', 'more is waiting than the gateway may hold; nothing was taken'),
  STORE_FULL: row(507, 6, 'ask the operator', 'the disk of the store is full; nothing was taken'),
  STORE_FAILED: row(500, 1, 'ask the operator', 'the store could not write; nothing was taken'),
  GATEWAY_STOPPING: row(503, 6, 'retry later', 'the gateway is stopping'),
  INTERNAL: row(500, 1, 'ask the operator', 'something failed that should not; the log has the cause'),

  // What arrives: the bytes
  ENVELOPE_TOO_LARGE: row(400, 4, 'ask the sender', 'the envelope exceeds its bound'),
  ENVELOPE_MALFORMED: row(400, 4, 'ask the sender', 'the bytes are not an envelope'),
  ENVELOPE_NOT_STRICT: row(
    400,
    4,
    'ask the sender',
    'the bytes say the same in more than one way or carry unknown fields',
  ),
  NESTING_TOO_DEEP: row(400, 4, 'ask the sender', 'messages are nested too deeply'),
  FIELDS_TOO_MANY: row(400, 4, 'ask the sender', 'a message has too many fields'),
  HEADER_TOO_LARGE: row(400, 4, 'ask the sender', 'the header exceeds its bound'),
  HEADER_INVALID: row(400, 4, 'ask the sender', 'a field of the header is missing or out of range'),
  WIRE_VERSION_UNKNOWN: row(
    400,
    4,
    'ask the operator',
    'the envelope is of a wire version that is not known here',
  ),
  SUITE_UNKNOWN: row(
    400,
    4,
    'ask the operator',
    'the cipher suite is not known here or below the federation minimum',
  ),

  // What arrives: who and where
  FEDERATION_MISMATCH: row(400, 4, 'ask the sender', 'the message belongs to another federation'),
  ENVIRONMENT_MISMATCH: row(400, 4, 'ask the sender', 'the message belongs to another environment'),
  SUBJECT_MISMATCH: row(
    400,
    4,
    'ask the operator',
    'the message was delivered on a subject other than the signed one',
  ),
  MISADDRESSED: row(400, 4, 'ask the operator', 'the message is addressed to another agency'),
  SENDER_UNKNOWN: row(400, 4, 'ask the operator', 'the sender is not on the trust list'),
  AGENCY_REVOKED: row(400, 4, 'nothing', 'the sender was revoked or suspended when the message was made'),
  KIND_NOT_GRANTED: row(400, 4, 'ask the sender', 'the trust list does not let the sender publish this kind'),
  KEY_UNKNOWN: row(400, 4, 'ask the sender', 'no statement of the sender names the signing key'),
  KEY_NOT_IN_FORCE: row(
    400,
    4,
    'ask the sender',
    'the signing key was not in force when the message was made',
  ),
  ALGORITHM_REFUSED: row(
    400,
    4,
    'ask the sender',
    'the signature names an algorithm that its key does not have',
  ),
  SIGNATURE_HEADER_INVALID: row(
    400,
    4,
    'ask the sender',
    'the protected header of the signature is not exactly as specified',
  ),
  SIGNATURE_INVALID: row(400, 4, 'ask the sender', 'the signature does not verify'),
  BATCH_PROOF_INVALID: row(400, 4, 'ask the sender', 'the header is not proven to be in the signed batch'),

  // What arrives: position and time
  POSITION_TAKEN: row(
    400,
    4,
    'ask the operator',
    'another message holds this position of the channel; both are kept as proof',
  ),
  CHAIN_BROKEN: row(
    400,
    4,
    'ask the operator',
    'the message does not follow the message before it in its channel',
  ),
  MESSAGE_ID_REUSED: row(400, 4, 'ask the sender', 'the sender used the message id before'),
  CREATED_IN_FUTURE: row(400, 4, 'ask the sender', 'the message claims to be made later than now'),
  CREATED_BACKWARDS: row(400, 4, 'ask the sender', 'the message claims to be made before its predecessor'),
  DELIVERY_EXPIRED: row(400, 4, 'ask the sender', 'the message arrived past its delivery time'),
  DELIVER_BY_INVALID: row(
    400,
    4,
    'ask the sender',
    'the delivery time is before the creation or beyond its bound',
  ),

  // What arrives: the content
  SCHEMA_UNKNOWN: row(
    400,
    4,
    'ask the operator',
    'the schema version is not known here; released when it is',
  ),
  SCHEMA_KIND_MISMATCH: row(400, 4, 'ask the sender', 'the schema is not of the kind that the subject names'),
  PART_MISSING: row(400, 4, 'ask the sender', 'a sealed part that the header names is missing or foreign'),
  PART_DIGEST_MISMATCH: row(400, 4, 'ask the sender', 'a sealed part is not the one that was signed for'),
  PART_UNREADABLE: row(400, 4, 'ask the sender', 'a sealed part does not open with its key'),
  COMMITMENT_MISMATCH: row(400, 4, 'ask the sender', 'a section is not the one that was committed to'),
  SECTION_INVALID: row(400, 4, 'ask the sender', 'a section is not well formed by its schema'),
  SECTION_NOT_STRICT: row(400, 4, 'ask the sender', 'a section says the same in more than one way'),
  SECTION_OPEN_FORBIDDEN: row(
    400,
    4,
    'ask the sender',
    'a section is open although its handling is not TLP:CLEAR',
  ),
  POLICY_NOT_ACCEPTED: row(400, 4, 'ask the sender', 'our policy does not accept the message'),

  // What waits
  AWAITING_TRUST: row(400, 6, 'nothing', 'waits for a newer trust list'),
  AWAITING_STATEMENT: row(400, 6, 'nothing', 'waits for the statement of its sender'),
  AWAITING_KEY: row(400, 6, 'nothing', 'waits for the audience key that it is sealed under'),
  AWAITING_HEAD: row(400, 6, 'nothing', 'waits for something newer that its sender signed'),
  PARKING_FULL: row(400, 4, 'ask the operator', 'more of one sender waits than may'),

  // Trust
  ROOT_INVALID: row(400, 4, 'ask the operator', 'the trust root is malformed'),
  ROOT_THRESHOLD: row(
    400,
    4,
    'ask the operator',
    'the trust root is not signed by its threshold and the one before',
  ),
  ROOT_VERSION: row(400, 4, 'ask the operator', 'the trust root is not exactly the next version'),
  TRUST_INVALID: row(400, 4, 'ask the operator', 'the trust list is malformed'),
  TRUST_THRESHOLD: row(
    400,
    4,
    'ask the operator',
    'the trust list is not signed by the threshold of distinct keys',
  ),
  TRUST_ROLLBACK: row(
    400,
    4,
    'ask the operator',
    'the trust list is older than one already applied, or another of the same version',
  ),
  TRUST_EXPIRED: row(400, 4, 'ask the operator', 'the trust list has expired and its grace has passed'),
  TRUST_STATE_LOST: row(
    500,
    7,
    'ask the operator',
    'the record of the highest versions seen is gone; pin the root again',
  ),
  STATEMENT_INVALID: row(400, 4, 'ask the sender', 'the agency statement is malformed'),
  STATEMENT_SIGNATURE: row(
    400,
    4,
    'ask the sender',
    'the agency statement is not signed by the pinned certificate',
  ),
  STATEMENT_ROLLBACK: row(
    400,
    4,
    'ask the sender',
    'the agency statement is older than one already applied, or another of the same version',
  ),
  CERTIFICATE_REFUSED: row(
    400,
    4,
    'ask the operator',
    'the certificate is not the pinned one, is a CA, was not valid, or has a weak key',
  ),

  // Keys and store
  STORE_LOCKED: row(500, 7, 'ask the operator', 'another process uses this store'),
  STORE_KEY_WRONG: row(500, 7, 'ask the operator', 'the store key does not open this store'),
  STORE_VERSION: row(500, 7, 'ask the operator', 'the store was written by a newer version'),
  STORE_BEHIND: row(
    500,
    7,
    'ask the operator',
    'the hub or a peer has messages of ours that this store does not know',
  ),
  AUDIT_BROKEN: row(500, 7, 'ask the operator', 'the hash chain of the audit log does not verify'),
  KEY_FILE_INVALID: row(
    500,
    7,
    'ask the operator',
    'a key file is missing, readable by others or not of the form expected',
  ),
  KEY_FILE_EXISTS: row(500, 7, 'ask the operator', 'a key file is never overwritten'),
  SIGNING_KEY_ENDED: row(503, 7, 'ask the operator', 'no signing key is in force; a new statement is due'),

  // Configuration, policy, hub
  CONFIG_INVALID: row(500, 7, 'ask the operator', 'the configuration is not as expected'),
  POLICY_INVALID: row(500, 7, 'ask the operator', 'a policy file is not valid'),
  HUB_UNREACHABLE: row(503, 6, 'retry later', 'the hub does not answer'),
  HUB_REFUSED: row(500, 7, 'ask the operator', 'the hub is not configured as it must be'),
  HUB_REJECTED: row(503, 6, 'retry later', 'the hub did not take what was published'),
  SERVER_MISSING: row(500, 7, 'ask the operator', 'no usable nats-server was found'),
  GATEWAY_UNREACHABLE: row(
    503,
    6,
    'retry later',
    'the gateway does not answer, or what answers is no gateway',
  ),
  PORT_TAKEN: row(500, 7, 'ask the operator', 'a port that is needed is in use'),
  USAGE: row(400, 2, 'mend the request', 'the command line is not as expected'),
} as const satisfies Record<string, Row>;

export type ErrorCode = keyof typeof errorTable;

/** One thing that is wrong with what was given: where, and in words. */
export type Problem = Readonly<{ path: string; message: string }>;

export type ErrorDetails = Readonly<{
  /** Every problem at once, for data with a shape. */
  problems?: readonly Problem[];
  /** Policy reasons, for a refusal. */
  reasons?: readonly { policy: string; text: string }[];
  cause?: unknown;
}>;

/** The only error class that crosses a module's door. `message` is for people, `code` for programs. */
export class ComityError extends Error {
  override readonly name = 'ComityError';
  readonly code: ErrorCode;
  readonly problems: readonly Problem[];
  readonly reasons: readonly { policy: string; text: string }[];

  constructor(code: ErrorCode, message: string = errorTable[code].meaning, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.problems = details.problems ?? [];
    this.reasons = details.reasons ?? [];
  }
}

export function isErrorCode(text: string): text is ErrorCode {
  return Object.hasOwn(errorTable, text);
}

/** The error as ours, or as INTERNAL with its cause kept. */
export function asComityError(error: unknown): ComityError {
  if (error instanceof ComityError) return error;
  return new ComityError('INTERNAL', errorTable.INTERNAL.meaning, { cause: error });
}
