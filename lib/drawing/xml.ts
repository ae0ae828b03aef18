/** Text as HTML and SVG have it. */
import { blanked } from '../text/foreign-text'

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
  return blanked(text.replace(/[\ufffe\uffff]/g, ' ')).replace(/[&<>"']/g, (c) => ENTITIES[c])
}
