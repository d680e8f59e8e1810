/** A row of the stolen-art register as an object flag. What the register does not know is left out. */
import type { CsvRow } from '../../src/index.ts';

/** Columns: title, maker, crimeCategory, materials, period, size, units. */
export function objectDraft(row: CsvRow): unknown {
  const { title = '', maker = '', crimeCategory = '', materials = '', period = '' } = row;
  return {
    kind: 'object',
    lane: 'bulk',
    to: 'all',
    cover: {
      handling: { tlp: 'TLP_GREEN', pap: 'PAP_GREEN' },
      purposes: ['PURPOSE_HERITAGE_PROTECTION', 'PURPOSE_DETECTION'],
      legalBasis: [{ scheme: 'unesco-1970', code: '7(b)' }],
    },
    payload: {
      object: {
        ...(title === '' ? {} : { title }),
        ...someOf('makers', parts(maker, ';')),
        ...someOf('materials', parts(materials, ',')),
        ...(isKnown(crimeCategory) ? categoryOf(crimeCategory) : {}),
        ...(isKnown(period) ? { dated: { text: period } } : {}),
        ...measured(row),
      },
      circumstances: {
        status: 'OBJECT_STATUS_STOLEN',
        assertion: { basis: 'BASIS_FACT', confirmation: 'CONFIRMATION_UNCONFIRMED' },
      },
    },
  };
}

/** The register writes these where it knows nothing. */
const unknown = new Set(['', 'unknown', 'other', 'none']);

function isKnown(text: string): boolean {
  return !unknown.has(text.trim().toLowerCase());
}

function parts(text: string, separator: string): string[] {
  return text
    .split(separator)
    .map((part) => part.trim())
    .filter(isKnown);
}

function someOf(name: string, values: readonly string[]): Record<string, readonly string[]> {
  return values.length === 0 ? {} : { [name]: values };
}

function categoryOf(code: string) {
  return { types: [code.replaceAll('-', ' ')], category: { scheme: 'fbi-nsaf', code } };
}

/** UN/ECE Recommendation 20. The register gives one number: a length, an area or a volume. */
const units: Readonly<Record<string, Readonly<{ dimension: string; code: string; label: string }>>> = {
  Inches: { dimension: 'length', code: 'INH', label: 'inch' },
  'Square inches': { dimension: 'area', code: 'INK', label: 'square inch' },
  'Cubic inches': { dimension: 'volume', code: 'INQ', label: 'cubic inch' },
};

function measured({ size = '', units: reportedUnit = '' }: CsvRow) {
  const unit = units[reportedUnit];
  if (size === '' || unit === undefined) return {};
  const { dimension, code, label } = unit;
  const normalised = /^[0-9]{1,24}(\.[0-9]{1,12})?$/.test(size)
    ? { value: size, unit: { scheme: 'un-rec-20', code, label } }
    : {};
  return { measurements: [{ dimension, quantity: { ...normalised, reportedValue: size, reportedUnit } }] };
}
