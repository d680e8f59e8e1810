import { describe, expect, it } from 'vitest';
import { categories } from '../../../src/types.ts';
import { agency, grCustoms, message, nowMs, officerOf, section } from './facts.ts';
import { shippedEngine } from './files.ts';

const roles = ['police', 'customs', 'heritage', 'liaison', 'prosecutor', 'oversight', 'observer'];

/** One row a category, one column a role; `x` where the section of a seizure is disclosed. */
const disclosed: Record<string, string> = {
  //           police customs heritage liaison prosecutor oversight observer
  COVER: '     x      x       x        x       x          x         .',
  SITUATION: ' x      x       x        x       x          .         .',
  GOODS: '     x      x       x        x       x          .         .',
  OBJECT: '    x      x       x        x       x          .         .',
  ROUTE: '     x      x       .        x       x          .         .',
  CONVEYANCE: 'x      x       .        x       x          .         .',
  PERSON: '    x      .       .        x       x          .         .',
  VICTIM: '    x      .       .        .       x          .         .',
  SOURCE: '    x      .       .        .       x          .         .',
  NARRATIVE: ' x      x       .        x       x          .         .',
  EVIDENCE: '  x      x       .        x       x          .         .',
  LEGAL: '     x      x       .        x       x          x         .',
  GATEWAY: '   .      .       .        .       .          .         .',
};

describe('the baseline', () => {
  it.each(categories)('discloses the %s section of a seizure to the roles that may have it', (category) => {
    const engine = shippedEngine();
    const marks = roles.map((role) => {
      const principal = agency(`xb.${role}`, role);
      const request = {
        action: 'disclose',
        principal,
        sender: grCustoms,
        resource: section(category),
        nowMs,
      } as const;
      return engine.decide(request).effect === 'allow' ? 'x' : '.';
    });
    expect(marks.join(' ')).toBe(disclosed[category]?.trim().replace(/ +/g, ' '));
  });

  it.each(['STATISTICS', 'CUSTOMS_RISK_MANAGEMENT', 'TRAINING_EXERCISE'])(
    'discloses no victims for %s',
    (purpose) => {
      const engine = shippedEngine();
      for (const role of roles) {
        const resource = { ...section('VICTIM'), purposes: [purpose] };
        const principal = agency(`xb.${role}`, role);
        const request = { action: 'disclose', principal, sender: grCustoms, resource, nowMs } as const;
        expect(engine.decide(request).effect).toBe('deny');
      }
    },
  );

  it.each(['seizure', 'red-flag', 'object', 'shipment', 'response', 'note'])(
    'lets an officer publish a plain %s',
    (kind) => {
      for (const id of ['gr.customs', 'it.police', 'fr.heritage', 'de.liaison']) {
        const principal = officerOf(agency(id, id.slice(3)));
        const request = { action: 'publish', principal, resource: { ...message, kind }, nowMs } as const;
        expect(shippedEngine(id).decide(request).effect).toBe('allow');
      }
    },
  );

  it('lets nobody read, disclose or share what gateways say to each other', () => {
    const engine = shippedEngine();
    const resource = section('GATEWAY');
    const principal = agency('it.police', 'police');
    const asked = [
      { action: 'read', principal: officerOf(principal, 'supervisor'), sender: grCustoms, resource, nowMs },
      { action: 'onward', principal, originator: grCustoms, resource, nowMs, consent: true },
    ] as const;
    expect(asked.map((request) => engine.decide(request).effect)).toEqual(['deny', 'deny']);
  });
});
