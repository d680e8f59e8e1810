import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { createPolicyEngine, type PolicyEngine, type PolicySource } from '../../../src/policy/index.ts';

const folder = new URL('../../../config/policy/', import.meta.url);

export const agencies = ['gr.customs', 'it.police', 'fr.heritage', 'de.liaison'];

export function policyFile(name: string): PolicySource {
  return { name: `config/policy/${name}`, text: readFileSync(new URL(name, folder), 'utf8') };
}

export function decisionTable(name: string): unknown {
  return parse(readFileSync(new URL(`${name}.test.yaml`, folder), 'utf8'));
}

export function shippedEngine(agency?: string): PolicyEngine {
  const federation = policyFile('federation.cedar');
  return createPolicyEngine(
    agency === undefined ? { federation } : { federation, agency: policyFile(`${agency}.cedar`) },
  );
}

/** A baseline of one file, for tests of the engine itself. */
export function engineOf(federation: string, agency?: string): PolicyEngine {
  return createPolicyEngine({
    federation: { name: 'federation.cedar', text: federation },
    ...(agency === undefined ? {} : { agency: { name: 'own.cedar', text: agency } }),
  });
}
