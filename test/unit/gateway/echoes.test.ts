import { describe, expect, test } from 'vitest';
import { utf8 } from '../../../src/bytes.ts';
import { createEchoes } from '../../../src/gateway/echoes.ts';
import { limits } from '../../../src/limits.ts';
import type { Delivery } from '../../../src/transport/port.ts';

const subject = 'comity.gr.customs.all.day.seizure';
const delivery = (text: string, on = subject): Delivery => ({
  stream: 'ALL_gr',
  streamSequence: 1,
  subject: on,
  data: utf8(text),
  delivered: 1,
});

describe('what comes back', () => {
  test('as it left is taken out of the batch', () => {
    const echoes = createEchoes();
    echoes.left([{ subject, envelope: utf8('one') }]);
    expect(echoes.without([delivery('one'), delivery('two')])).toEqual([delivery('two')]);
  });

  test('changed by one bit, or on another subject, stays in', () => {
    const echoes = createEchoes();
    echoes.left([{ subject, envelope: utf8('one') }]);
    const others = [delivery('onf'), delivery('one', 'comity.gr.customs.all.now.seizure')];
    expect(echoes.without(others)).toEqual(others);
  });

  test('is forgotten, the oldest first, beyond the bound', () => {
    const echoes = createEchoes();
    const rows = Array.from({ length: limits.echoesMax + 1 }, (_, index) => ({
      subject,
      envelope: utf8(String(index)),
    }));
    echoes.left(rows);
    expect(echoes.without([delivery('0'), delivery('1')])).toEqual([delivery('0')]);
  });
});
