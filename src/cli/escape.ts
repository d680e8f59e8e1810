/** Text from elsewhere, made safe for a terminal: nothing in it moves the cursor or turns the line around. */

// Control characters (C0, DEL, C1), format characters (bidirectional controls, zero widths, tags),
// line and paragraph separators, and halves of surrogate pairs.
const hidden = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

/** One line: what cannot be seen is spelt out, such as `\u{202e}`. */
export function visible(text: string): string {
  return text.replaceAll(hidden, spelt);
}

/** JSON whose strings hold no such character; the value stays the same. */
export function visibleJson(value: unknown): string {
  const text = JSON.stringify(value, undefined, 2);
  return text.replaceAll(hidden, (found) => (found === '\n' ? found : jsonEscape(found)));
}

function spelt(found: string): string {
  return `\\u{${(found.codePointAt(0) ?? 0).toString(16)}}`;
}

function jsonEscape(found: string): string {
  return Array.from({ length: found.length }, (_, at) => {
    return `\\u${found.charCodeAt(at).toString(16).padStart(4, '0')}`;
  }).join('');
}
