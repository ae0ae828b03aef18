/** Reading a file of data whole, with errors that name it. */
import { readFileSync, statSync } from 'node:fs'
import { MbconvError } from '../errors'

/** The most that is read unless the caller allows less: what Node reads from a file in one piece. */
export const MAX_BYTES = 2 ** 31 - 1

/** What is wrong with a data file. */
export function dataError(path: string, problem: string, hint: string, cause?: unknown): MbconvError {
  return new MbconvError('ERR_DATA', `${path}: ${problem}`, { hint, cause })
}

/**
 * The bytes of a regular file.
 *
 * @throws MbconvError ERR_DATA: missing, a folder or device, larger than `maxBytes`, not readable
 */
export function readWhole(path: string, maxBytes = MAX_BYTES): Buffer {
  const failed = (problem: string, cause?: unknown) => dataError(path, problem, 'Check the path.', cause)
  try {
    const stat = statSync(path)
    if (!stat.isFile()) throw failed(stat.isDirectory() ? 'is a folder, not a file' : 'is not a regular file')
    if (stat.size > maxBytes) throw failed(`has ${stat.size} bytes, more than the ${maxBytes} allowed`)
    return readFileSync(path)
  } catch (error) {
    if (error instanceof MbconvError) throw error
    const { code, message } = error as NodeJS.ErrnoException
    throw failed(code === 'ENOENT' ? 'no such file' : `cannot be read (${code ?? message})`, error)
  }
}
