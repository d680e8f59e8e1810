/** Which facts a policy set can tell apart: what a remembered answer may leave out. */
import type { EntityUidJson, PolicyJson } from '@cedar-policy/cedar-wasm/nodejs';
import { recordAttributes } from './fact-schema.ts';

export type Reads = Readonly<{
  /** Names of the attributes that are read, at any depth. */
  names: ReadonlySet<string>;
  /** Every string and entity id that a policy spells out. */
  literals: ReadonlySet<string>;
  /** A `like` may tell apart ids that no policy spells out. */
  patterns: boolean;
  /** A record is compared whole, so that every attribute counts. */
  whole: boolean;
}>;

type Found = { names: Set<string>; literals: Set<string>; patterns: boolean; whole: boolean };

/** What the policies that speak of this action read. */
export function readsOf(policies: readonly PolicyJson[], action: string): Reads {
  const found: Found = { names: new Set(), literals: new Set(), patterns: false, whole: false };
  for (const policy of policies) {
    if (!speaksOf(policy.action, action)) continue;
    walk(policy.principal, found);
    walk(policy.resource, found);
    walk(policy.conditions, found);
  }
  return found;
}

function speaksOf(constraint: PolicyJson['action'], action: string): boolean {
  if (constraint.op === 'All') return true;
  if ('entities' in constraint) return constraint.entities.some((entity) => idOf(entity) === action);
  // No action is a group of others here. A form that is not known counts as speaking of all.
  return !('entity' in constraint) || idOf(constraint.entity) === action;
}

function idOf(entity: EntityUidJson): string {
  return '__entity' in entity ? entity.__entity.id : entity.id;
}

function walk(node: unknown, found: Found): void {
  if (typeof node === 'string') {
    found.literals.add(node);
    return;
  }
  if (typeof node !== 'object' || node === null) return;
  for (const [name, child] of Object.entries(node)) {
    if (name === 'like') found.patterns = true;
    if (name === '.' || name === 'has') access(child, found);
    else if (name === 'Var') found.whole ||= child === 'context';
    else walk(child, found);
  }
  const attribute = accessed(node);
  if (attribute !== undefined && recordAttributes.has(attribute)) found.whole = true;
}

/** `left.attr` or `left has attr`: what stands left of the dot is not itself compared. */
function access(node: unknown, found: Found): void {
  if (typeof node !== 'object' || node === null) return;
  const { left, attr } = node as { left?: unknown; attr?: unknown };
  for (const name of Array.isArray(attr) ? attr : [attr]) {
    if (typeof name === 'string') found.names.add(name);
  }
  if (typeof left !== 'object' || left === null) return;
  if ('Var' in left) return;
  const inner = (left as Record<string, unknown>)['.'];
  if (inner === undefined) walk(left, found);
  else access(inner, found);
}

function accessed(node: object): string | undefined {
  const inner = (node as Record<string, unknown>)['.'];
  const attr = typeof inner === 'object' && inner !== null ? (inner as { attr?: unknown }).attr : undefined;
  return typeof attr === 'string' ? attr : undefined;
}
