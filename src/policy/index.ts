export { type Audience, type AudienceRequest, audiencesOf } from './audiences.ts';
export { readClassesOf, readClassOf, requestOfReadClass } from './canonical.ts';
export { runDecisionTable, type TableResult, type TableRowResult } from './decision-table.ts';
export {
  createPolicyEngine,
  type PolicyEngine,
  type PolicySources,
  type PolicySummary,
} from './engine.ts';
export { factSchema } from './fact-schema.ts';
export type {
  AcceptRequest,
  AgencyFacts,
  Decision,
  DiscloseRequest,
  HandlingFacts,
  MessageFacts,
  OfficerFacts,
  OnwardRequest,
  PolicyReason,
  PolicyRequest,
  PublishRequest,
  ReadRequest,
  SectionFacts,
} from './facts.ts';
export { evaluationError } from './facts.ts';
export type { PolicySource } from './policy-file.ts';
