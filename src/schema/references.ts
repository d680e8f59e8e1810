/** References that can be read over the telephone: `GR-CUS-2026-004711-7`. */
import { type AgencyId, jurisdictionOf, nameOf } from '../types.ts';

const pattern = /^([A-Z]{2}-[A-Z]{1,3}-[0-9]{4}-[0-9]{6,12})-([0-9])$/;

/**
 * Jurisdiction, first three letters of the agency's name, year, number, check digit. Undefined for the one
 * number in eleven that has no check digit: it is never given.
 */
export function formatReference(agency: AgencyId, year: number, number: number): string | undefined {
  if (!Number.isSafeInteger(number) || number < 1 || !Number.isInteger(year) || year < 1000 || year > 9999) {
    throw new TypeError('a reference takes a year of four digits and a number from 1');
  }
  const name = nameOf(agency)
    .replaceAll(/[^a-z]/g, '')
    .slice(0, 3);
  const body = `${jurisdictionOf(agency)}-${name}-${year}-${String(number).padStart(6, '0')}`.toUpperCase();
  const digit = checkDigit(body);
  return digit === undefined ? undefined : `${body}-${digit}`;
}

/** True where the text has the form of a reference and its check digit is right. */
export function checkReference(text: string): boolean {
  const [, body, digit] = pattern.exec(text) ?? [];
  return body !== undefined && digit === checkDigit(body);
}

// ISO 6346, as on every container: the n-th character weighs 2^n, letters count from 10 and leave out the
// multiples of 11. A remainder of 10 would share its digit with 0, so such a number is left out, as the
// standard advises; then every wrong character is noticed.
function checkDigit(body: string): string | undefined {
  const remainder =
    [...body.replaceAll('-', '')].reduce((sum, character, at) => sum + worth(character) * 2 ** at, 0) % 11;
  return remainder === 10 ? undefined : String(remainder);
}

function worth(character: string): number {
  if (character >= '0' && character <= '9') return Number(character);
  const position = character.charCodeAt(0) - 65;
  return position + 10 + Math.floor((position + 9) / 10);
}
