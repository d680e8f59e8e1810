/** The one content type that bodies have. */

// RFC 9110 §8.3: type and subtype ignore case; one optional charset, which can only be UTF-8 (RFC 8259 §8.1).
const pattern = /^application\/json(?:[ \t]*;[ \t]*charset=(?:utf-8|"utf-8"))?[ \t]*$/i;

/** Whether a Content-Type header says JSON in UTF-8, and nothing besides. */
export function isJsonContentType(header: string | undefined): boolean {
  return header !== undefined && pattern.test(header);
}
