/** The lines of a text file that people or programs wrote, in UTF-8 or, with a mark, UTF-16. */

import { dataError } from '../../files/data-file'
import { decodeText, encodingOf, NotText } from '../../files/encoding'
import type { FilePath } from '../../files/open'

/** Characters of a line. A longer line is no line of a list. */
export const LONGEST_LINE = 2 ** 20

const NEWLINE = 0x0a

/** Bytes that are decoded at once, and the rest of their last line. A string holds about 2^29 characters at most. */
const PIECE = 2 ** 26

/**
 * The text of a file that has been read.
 *
 * @param continued whether the bytes continue UTF-8 text
 * @throws MbconvError ERR_DATA if it is not text
 */
export function textOfFile(path: FilePath, content: Uint8Array, { continued = false } = {}): string {
  try {
    return decodeText(content, { continued })
  } catch (cause) {
    const problem = cause instanceof NotText ? cause.message : 'is too long for a text'
    throw dataError(path, problem, 'Save it as UTF-8 text.', cause)
  }
}

/**
 * Pieces of a file that end where lines do. UTF-16 is one piece.
 *
 * @throws MbconvError ERR_DATA if it is not text
 */
function* pieces(path: FilePath, content: Uint8Array, most: number): Generator<string, void, undefined> {
  if (content.length <= most || encodingOf(content).name !== 'utf-8') return yield textOfFile(path, content)
  for (let from = 0; from < content.length; ) {
    const found = content.indexOf(NEWLINE, from + most)
    const end = found < 0 ? content.length : found + 1
    yield textOfFile(path, content.subarray(from, end), { continued: from > 0 })
    from = end
  }
}

/**
 * The lines of a file, counted from 1, without their ends.
 *
 * @param atOnce bytes that are decoded at once
 * @throws MbconvError ERR_DATA if it is not text, or a line is too long
 */
export function* linesOf(
  path: FilePath,
  content: Uint8Array,
  atOnce = PIECE,
): Generator<{ text: string; line: number }, void, undefined> {
  let line = 1
  for (const text of pieces(path, content, atOnce))
    for (let from = 0; from < text.length; line++) {
      const found = text.indexOf('\n', from)
      const end = found < 0 ? text.length : found
      if (end - from > LONGEST_LINE)
        throw dataError(
          path,
          `line ${line} has more than ${LONGEST_LINE} characters`,
          'Each image needs a line of its own.',
        )
      yield { text: text.slice(from, text[end - 1] === '\r' ? end - 1 : end), line }
      from = end + 1
    }
}
