import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { contentLines } from '../../../src/cli/content.ts';
import { visible, visibleJson } from '../../../src/cli/escape.ts';
import { tableLines } from '../../../src/cli/table.ts';

const hidden = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;

describe('text from elsewhere', () => {
  it.each([
    ['\u001b[31mred\u001b[0m', '\\u{1b}[31mred\\u{1b}[0m'],
    ['\u009b31m', '\\u{9b}31m'],
    ['a\rb\nc\td\0e\u007f', 'a\\u{d}b\\u{a}c\\u{9}d\\u{0}e\\u{7f}'],
    ['\u202egpj.exe', '\\u{202e}gpj.exe'],
    ['\u2066x\u2069', '\\u{2066}x\\u{2069}'],
    ['a\u200bb\ufeffc', 'a\\u{200b}b\\u{feff}c'],
    ['\u2028\u2029', '\\u{2028}\\u{2029}'],
    ['\ud800x', '\\u{d800}x'],
    ['\u{e0041}', '\\u{e0041}'],
    ['Ελλάδα 東京 🏺', 'Ελλάδα 東京 🏺'],
  ])('spells out what cannot be seen in %j', (text, shown) => expect(visible(text)).toBe(shown));

  it('never prints a character that a terminal obeys', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (text) => {
        expect(visible(text)).not.toMatch(hidden);
        for (const line of contentLines({ [text]: [text, { x: `${text}\n${text}` }] }, '')) {
          expect(line).not.toMatch(hidden);
        }
        for (const line of tableLines(['a', 'b'], [[text, text]])) expect(line).not.toMatch(hidden);
      }),
      { numRuns: 500 },
    );
  });

  it('keeps the value of JSON while it hides nothing', () => {
    fc.assert(
      fc.property(fc.json(), fc.string({ unit: 'binary' }), (json, text) => {
        const value = { json: JSON.parse(json), text };
        const shown = visibleJson(value);
        expect(shown.replaceAll('\n', '')).not.toMatch(hidden);
        expect(JSON.stringify(JSON.parse(shown))).toBe(JSON.stringify(value));
      }),
      { numRuns: 500 },
    );
  });

  it('cannot pass for a line of ours', () => {
    const lines = contentLines({ text: 'harmless\npersons [PERSON]\n  name: x' }, '  ');
    expect(lines).toEqual(['  text:', '    | harmless', '    | persons [PERSON]', '    |   name: x']);
  });
});

describe('tables', () => {
  it('align by the width that is seen', () => {
    expect(
      tableLines(
        ['a', 'b'],
        [
          ['東京', 'x'],
          ['e\u0301', 'y'],
        ],
      ),
    ).toEqual(['a     b', '東京  x', 'e\u0301     y']);
  });
});
