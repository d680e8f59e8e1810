/** Retention as an ISO 8601 duration of years, months, weeks or days. */
const pattern = /^P(?=\d)(?:(\d{1,4})Y)?(?:(\d{1,4})M)?(?:(\d{1,4})W)?(?:(\d{1,5})D)?$/;
const daysOf = [365.25, 30.4375, 7, 1];

/** How long it is, to compare by; undefined where it is no such duration. */
export function durationDays(text: string): number | undefined {
  const match = pattern.exec(text);
  if (match === null) return undefined;
  return daysOf.reduce((days, unit, index) => days + unit * Number(match[index + 1] ?? 0), 0);
}

/** The shortest; undefined where there is none. */
export function shortestDuration(texts: readonly string[]): string | undefined {
  const byLength = texts.toSorted((a, b) => (durationDays(a) ?? 0) - (durationDays(b) ?? 0));
  return byLength[0];
}
