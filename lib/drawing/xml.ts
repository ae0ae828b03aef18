/** Escapes text for HTML and SVG. */
import { blanked } from '../text/foreign-text'

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** Escapes a text for use in elements and quoted attributes. */
export function escapeXml(text: string): string {
  // XML has no control characters, and a bidirectional override would reverse the rest of the page.
  return blanked(text.replace(/[\ufffe\uffff]/g, ' ')).replace(/[&<>"']/g, (c) => ENTITIES[c])
}
