/** The code schemes that this release knows something about. A code of any other scheme is as good. */

type Known = Readonly<{ pattern: RegExp; example: string } | { codes: ReadonlySet<string> }>;

const words = (text: string): Known => ({ codes: new Set(text.trim().split(/\s+/)) });

/** By scheme name, as it stands in `Code.scheme`. */
const schemes: ReadonlyMap<string, Known> = new Map<string, Known>([
  // UNECE Recommendation 20, the units that seizures are reported in.
  [
    'un-rec-20',
    words(`KGM GRM MGM TNE LTR MLT MTR CMT MMT MTK CMK MTQ CMQ H87 C62 PR SET DZN NAR LBR ONZ CTM D61 D62
      INH FOT INK FTK INQ`),
  ],
  ['hs', { pattern: /^[0-9]{2}([0-9]{2}){0,4}$/, example: '970510' }],
  ['cites-appendix', words('I II III N')],
  ['cites-source', words('W R D A C F U I O X Y')],
  ['cites-purpose', words('T Z G Q S H P M E N B L')],
  ['cites-term', { pattern: /^[A-Z]{3}$/, example: 'IVC' }],
  // International Classification of Crime for Statistical Purposes.
  ['iccs', { pattern: /^(0[1-9]|1[01])([0-9]{2}([0-9]{1,2})?)?$/, example: '0502' }],
  ['europol-handling', words('H0 H1 H2 H3')],
  [
    'comity-red-flag',
    {
      pattern:
        /^(CP(0[1-9]|1[0-9]|2[0-3])|ST[1-4]|TA[1-4]|DC[1-6]|AC[1-5]|SH(0[1-9]|1[0-5])|FA0[1-8]|PR0[1-7]|OM0[1-6])$/,
      example: 'CP07',
    },
  ],
  [
    'comity-concealment',
    words(`NONE ON_BODY INTERNAL_BODY IN_BAGGAGE FALSE_BOTTOM IN_CLOTHING IN_MAIL_PARCEL IN_GOODS
      DISGUISED_AS_GOODS MISDECLARED_DESCRIPTION MISDECLARED_VALUE UNDECLARED IN_VEHICLE_STRUCTURE
      VEHICLE_TANK_TYRE IN_CONTAINER_STRUCTURE RIP_ON_RIP_OFF SEA_CHEST_HULL TOWED_PARASITIC
      DISSOLVED_IMPREGNATED MIXED_WITH_LEGAL_LOT REPLICA_COVER DISMANTLED_FRAGMENTED
      FALSE_PROVENANCE_DOCUMENT STORAGE_PREMISES DIGITAL OTHER`),
  ],
]);

/** A sentence where the code is of another scheme than `expected`, or its scheme does not have it. */
export function remarkOnCode(code: { scheme: string; code: string }, expected: string): string | undefined {
  if (expected !== '' && code.scheme !== expected) {
    return `\`${code.code}\` is a code of \`${code.scheme}\`; expected is one of \`${expected}\``;
  }
  const known = schemes.get(code.scheme);
  if (known === undefined) return undefined;
  const fits = 'codes' in known ? known.codes.has(code.code) : known.pattern.test(code.code);
  return fits ? undefined : `\`${code.code}\` is not a known code of \`${code.scheme}\``;
}
