/** Every bound, with its unit in the name. `docs/wire.md` lists those that a peer must know. */

const kib = 1024;
const mib = 1024 * kib;
const secondMs = 1000;
const minuteMs = 60 * secondMs;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

export const limits = Object.freeze({
  // Envelope (design/wire.md, Limits)
  envelopeBytesMax: 512 * kib,
  headerBytesMax: 16 * kib,
  sectionBytesMax: 256 * kib,
  sectionsMax: 32,
  sealedPartsMax: 8,
  signaturesMax: 2,
  protectedHeaderBytesMax: kib,
  batchHeadersMax: 256,
  batchPathMax: 8,
  audienceMembersMax: 1024,
  wireNestingMax: 16,
  wireFieldsMax: 20_000,
  sealedBucketsBytes: Object.freeze([kib, 4 * kib, 16 * kib, 64 * kib, 256 * kib, 320 * kib]),
  saltBytes: 32,
  directedCopiesMax: 8,

  // Time
  clockSkewMsMax: 5 * minuteMs,
  deliverByMsMax: 30 * dayMs,
  deliverByNowMsMax: 7 * dayMs,
  trustListStaleMs: dayMs,
  trustListGraceMs: 4 * hourMs,

  // Keys (design/trust.md)
  keyWindowMs: 7 * dayMs,
  keyWindowsAheadMax: 5,
  sealingKeyKeptMs: 70 * dayMs,
  sealingKeyGraceMs: 30 * dayMs,
  audienceKeyLifeMsMax: 7 * dayMs,
  statementBytesMax: 256 * kib,
  trustListBytesMax: 2 * mib,
  rsaKeyBitsMin: 3072,
  certificateBytesMax: 16 * kib,
  trustRootBytesMax: 64 * kib,
  trustRootsEnclosedMax: 32,
  trustAuthoritiesMax: 32,
  agenciesMax: 4096,
  statementsWaitingMax: 64,
  jsonNestingMax: 16,
  officersListedMax: 512,
  keyFileBytesMax: 4 * kib,
  natsKeyOverlapMs: dayMs,

  // Transport (design/wire.md, The hub)
  publishBatchMessagesMax: 1000,
  publishBatchBytesMax: 64 * mib,
  publishBatchBytesFirst: 256 * kib,
  pullMessagesMax: 256,
  pullBytesMax: 8 * mib,
  pullExpiresMs: 300 * secondMs,
  pullHeartbeatMs: 60 * secondMs,
  publishTimeoutMs: 10 * secondMs,
  publishTimeoutMsMax: 2 * minuteMs,
  streamAgeMsMax: 35 * dayMs,
  blobAgeMsMax: 14 * dayMs,
  directoryMessagesPerSubject: 16,
  hubConsumersMax: 4000,
  hubPayloadBytesMax: mib,
  hubStoreBytesMax: 1024 * 1024 * mib,
  hubGreetingMs: 500,
  hubConnectionsPerAgencyMax: 8,
  hubSubscriptionsPerAgencyMax: 256,
  hubStreamBytesMax: Object.freeze({
    all: 1024 * mib,
    mailbox: 512 * mib,
    blob: 1024 * mib,
    directory: 256 * mib,
  }),
  ackWaitMs: 15 * secondMs,
  ackPendingMax: 2048,
  batchRetryMsMax: 30 * secondMs,
  hubApiTimeoutMs: 5 * secondMs,
  clockMeasureMs: 10 * minuteMs,
  duplicateWindowMs: 2 * minuteMs,
  reconnectDelayMsMax: 2 * secondMs,
  serverStartMsMax: 60 * secondMs,
  serverStopMsMax: 10 * secondMs,
  hubFillWarnings: Object.freeze([0.7, 0.9]),

  // Parking, receipts, heartbeats
  parkedMessagesMax: 10_000,
  parkedBytesMax: 256 * mib,
  receiptExceptionsMax: 1000,
  receiptIntervalMs: 2 * secondMs,
  receiptSilenceMs: 20 * minuteMs,
  beatAfterChangeMs: 10 * minuteMs,
  beatIntervalMs: hourMs,

  // Policy (docs/policy.md)
  policyFileBytesMax: 256 * kib,
  policiesMax: 500,
  policyDecisionsMax: 20_000,
  policyAudiencesMax: 500,

  // Gateway
  outboxRowsMax: 200_000,
  outboxPruneRowsMax: 2_000,
  submitBatchMax: 256,
  idempotencyKeptMs: 2 * dayMs,
  idempotencyKeyCharsMax: 200,
  pageRowsMax: 200,
  pageRowsDefault: 50,
  requestBodyBytesMax: mib,
  searchTokensMax: 16,
  searchTextCharsMax: 200,
  draftProblemsMax: 1000,
  draftNestingMax: 40,
  draftValuesMax: 50_000,
  remarksMax: 50,

  // HTTP API, configuration, command line
  requestTimeoutMs: 30 * secondMs,
  requestUrlBytesMax: 4 * kib,
  retryAfterSeconds: 5,
  eventStreamsMax: 64,
  eventHeartbeatMs: 15 * secondMs,
  eventPageRows: 256,
  tokenCharsMax: 512,
  officersMax: 10_000,
  configFileBytesMax: mib,
  inputFileBytesMax: mib,
  importFileBytesMax: 64 * mib,
  importRowsMax: 200_000,
  importsAtOnceMax: 32,
  responseBytesMax: 16 * mib,
  federationReadyMsMax: 120 * secondMs,
  processStopMsMax: 15 * secondMs,
});
