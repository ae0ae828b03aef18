/** Decodes text files that people wrote: UTF-8, or UTF-16 with a byte-order mark, which some editors write. */

/** The bytes are neither UTF-8 nor UTF-16 with a byte-order mark. The message completes "FILE: …". */
export class NotText extends Error {}

/** The encoding by the byte-order mark, and the mark's length. Source: Unicode 16, section 23.8. */
export function encodingOf(start: Uint8Array): { name: 'utf-8' | 'utf-16le' | 'utf-16be'; mark: number } {
  const [a, b, c] = start
  if (a === 0xef && b === 0xbb && c === 0xbf) return { name: 'utf-8', mark: 3 }
  if (a === 0xff && b === 0xfe) return { name: 'utf-16le', mark: 2 }
  if (a === 0xfe && b === 0xff) return { name: 'utf-16be', mark: 2 }
  return { name: 'utf-8', mark: 0 }
}

/** Whether bytes without a mark look like UTF-16: of two Latin letters every other byte is zero. */
export function looksLikeUtf16(start: Uint8Array): boolean {
  if (start.length < 4) return false
  const zero = Array.from(start.subarray(0, 4), (byte) => byte === 0)
  return (zero[1] && zero[3] && !zero[0] && !zero[2]) || (zero[0] && zero[2] && !zero[1] && !zero[3])
}

/**
 * Decodes UTF-8, and UTF-16 that begins with its mark. The mark is not part of the text.
 *
 * @param continued whether the bytes continue UTF-8 text, so that there is no mark
 * @throws NotText
 */
export function decodeText(bytes: Uint8Array, { continued = false } = {}): string {
  const { name, mark } = continued ? ({ name: 'utf-8', mark: 0 } as const) : encodingOf(bytes)
  if (name === 'utf-8' && !continued && looksLikeUtf16(bytes))
    throw new NotText('is UTF-16 text without a byte-order mark; save it as UTF-8')
  try {
    return new TextDecoder(name, { fatal: true, ignoreBOM: true }).decode(bytes.subarray(mark))
  } catch {
    throw new NotText(name === 'utf-8' ? 'is not UTF-8 text' : 'begins like UTF-16 text and is none')
  }
}
