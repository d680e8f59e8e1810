/** References that can be read over the telephone: `GR-CUS-2026-004711-4`. */
import { type AgencyId, jurisdictionOf, nameOf } from '../types.ts';

const pattern = /^([A-Z]{2}-[A-Z]{1,3}-[0-9]{4}-[0-9]{6,12})-([0-9])$/;

/** Jurisdiction, first three letters of the agency's name, year, number, check digit. */
export function formatReference(agency: AgencyId, year: number, number: number): string {
  if (!Number.isSafeInteger(number) || number < 1 || !Number.isInteger(year) || year < 1000 || year > 9999) {
    throw new TypeError('a reference takes a year of four digits and a number from 1');
  }
  const name = nameOf(agency)
    .replaceAll(/[^a-z]/g, '')
    .slice(0, 3);
  const body = `${jurisdictionOf(agency)}-${name}-${year}-${String(number).padStart(6, '0')}`.toUpperCase();
  return `${body}-${checkDigit(body)}`;
}

/** True where the text has the form of a reference and its check digit is right. */
export function checkReference(text: string): boolean {
  const [, body, digit] = pattern.exec(text) ?? [];
  return body !== undefined && digit === checkDigit(body);
}

// ISO 7064 MOD 11,10 over the digits, each letter as two: A is 10, Z is 35.
function checkDigit(body: string): string {
  const digits = body.replaceAll('-', '').replaceAll(/[A-Z]/g, (letter) => String(letter.charCodeAt(0) - 55));
  let product = 10;
  for (const digit of digits) {
    const sum = (product + Number(digit)) % 10 || 10;
    product = (sum * 2) % 11;
  }
  return String((11 - product) % 10);
}
