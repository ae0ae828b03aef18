/** Text as HTML and SVG have it. */

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** A text to stand in elements and in quoted attributes. */
export function escapeXml(text: string): string {
  // Control characters cannot be written in XML at all; a bidirectional override would turn the page around.
  const printable = text.replace(/[\p{Cc}\u202a-\u202e\u2066-\u2069\ufffe\uffff]|\p{Surrogate}/gu, ' ')
  return printable.replace(/[&<>"']/g, (c) => ENTITIES[c])
}
