/** Reads a whole data file, with errors that name it. */
import { MbconvError } from '../errors/error'
import { nameOf } from '../text/foreign-text'
import { type FilePath, readBytes, readRange } from './open'

/** The most bytes to read unless the caller allows less: Node's limit for one file. */
export const MAX_BYTES = 2 ** 31 - 1

/** The error for a problem in a data file. */
export function dataError(path: FilePath, problem: string, hint: string, cause?: unknown): MbconvError {
  return new MbconvError('ERR_DATA', `${nameOf(path)}: ${problem}`, { hint, cause })
}

/**
 * The bytes of a regular file.
 *
 * @throws MbconvError ERR_DATA: missing, a folder or device, larger than `maxBytes`, not readable
 */
export const readWhole = (path: FilePath, maxBytes = MAX_BYTES): Buffer =>
  readBytes(path, {
    op: 'readWhole',
    most: maxBytes,
    refuse: (reason, cause) => dataError(path, reason, 'Check the path.', cause),
  })

/**
 * A range of a regular file's bytes: a member of an archive.
 *
 * @throws MbconvError ERR_DATA: missing, a folder or device, shorter than the range's end, not readable
 */
export const readPart = (path: FilePath, offset: number, length: number): Buffer =>
  readRange(path, offset, length, {
    op: 'readPart',
    refuse: (reason, cause) => dataError(path, reason, 'Check the path.', cause),
  })
