export {
  type AuditEntry,
  type AuditEvent,
  type AuditFields,
  type AuditSecret,
  auditEvents,
  auditSecrets,
} from './events.ts';
export { type AuditLog, type AuditLogOptions, createAuditLog } from './log.ts';
export {
  type AuditHead,
  type AuditRow,
  type AuditVerdict,
  exportLine,
  importLines,
  requireIntact,
  type VerifyOptions,
  verifyAudit,
} from './verify.ts';
