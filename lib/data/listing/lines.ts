/** The lines of a text file that people or programs wrote, in UTF-8 or, with a mark, UTF-16. */

import { dataError } from '../../files/data-file'
import { decodeText, NotText } from '../../files/encoding'
import type { FilePath } from '../../files/open'

/** Characters of a line. A longer line is no line of a list. */
export const LONGEST_LINE = 2 ** 20

/**
 * The text of a file that has been read.
 *
 * @throws MbconvError ERR_DATA if it is not text
 */
export function textOfFile(path: FilePath, content: Uint8Array): string {
  try {
    return decodeText(content)
  } catch (cause) {
    const problem = cause instanceof NotText ? cause.message : 'is too long for a text'
    throw dataError(path, problem, 'Save it as UTF-8 text.', cause)
  }
}

/**
 * The lines of a file, counted from 1, without their ends.
 *
 * @throws MbconvError ERR_DATA if it is not text, or a line is too long
 */
export function* linesOf(
  path: FilePath,
  content: Uint8Array,
): Generator<{ text: string; line: number }, void, undefined> {
  const text = textOfFile(path, content)
  for (let from = 0, line = 1; from < text.length; line++) {
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
