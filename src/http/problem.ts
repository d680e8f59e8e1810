/** Problem details (RFC 9457) from our errors. What failed inside stays inside. */
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { asComityError, ComityError, type ErrorCode, errorTable } from '../errors.ts';
import { limits } from '../limits.ts';

export const problemType = 'application/problem+json';

export const problemShape = z.strictObject({
  type: z.string().describe('urn:comity:error: and the code'),
  title: z.string().describe('what the code means'),
  status: z.int(),
  code: z.string().describe('stable; see docs/errors.md'),
  detail: z.string().optional().describe('what is wrong this time, for people'),
  duty: z.string().describe('what the caller should do'),
  problems: z.array(z.strictObject({ path: z.string(), message: z.string() })).optional(),
  reasons: z.array(z.strictObject({ policy: z.string(), text: z.string() })).optional(),
});
export type ProblemDetails = z.output<typeof problemShape>;

/** A failure of ours (500) shows its code and meaning only; the log has the rest. */
export function problemOf(error: ComityError): ProblemDetails {
  const { http: status, duty, meaning } = errorTable[error.code];
  const head = { type: `urn:comity:error:${error.code}`, title: meaning, status, code: error.code, duty };
  if (status === 500) return head;
  return {
    ...head,
    detail: error.message,
    ...(error.problems.length > 0 ? { problems: [...error.problems] } : {}),
    ...(error.reasons.length > 0
      ? { reasons: error.reasons.map(({ policy, text }) => ({ policy, text })) }
      : {}),
  };
}

export function sendProblem(reply: FastifyReply, error: ComityError): FastifyReply {
  const problem = problemOf(error);
  if (problem.status === 401) reply.header('www-authenticate', 'Bearer realm="comity"');
  if (problem.status === 429 || problem.status === 503) {
    reply.header('retry-after', String(limits.retryAfterSeconds));
  }
  return reply.code(problem.status).type(problemType).send(JSON.stringify(problem));
}

const serverCodes: Readonly<Record<string, ErrorCode>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'REQUEST_TOO_LARGE',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'CONTENT_TYPE_REFUSED',
};

/** The server's own errors in our codes; anything unforeseen is INTERNAL. */
export function errorOfServer(error: unknown): ComityError {
  if (error instanceof ComityError || !(error instanceof Error) || !('code' in error)) {
    return asComityError(error);
  }
  const code = serverCodes[String(error.code)];
  if (code !== undefined) return new ComityError(code);
  const status = 'statusCode' in error ? Number(error.statusCode) : 500;
  if (status >= 400 && status < 500) {
    return new ComityError('REQUEST_INVALID', 'the request does not follow HTTP', { cause: error });
  }
  return asComityError(error);
}
