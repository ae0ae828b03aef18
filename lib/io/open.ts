/** Opening what other people wrote. */
import { closeSync, constants, fstatSync, openSync } from 'node:fs'
import { MbconvError } from '../errors'
import { ioError } from './atomic'

/**
 * Opens a regular file for reading. Folders, pipes and devices are refused, and opening never waits: a pipe would, for
 * its writer.
 *
 * @throws MbconvError ERR_IO
 */
export function openFile(path: string, op: string): number {
  let fd: number
  try {
    fd = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
  } catch (error) {
    throw ioError('read', path, error)
  }
  try {
    if (!fstatSync(fd).isFile())
      throw new MbconvError('ERR_IO', `cannot read ${path}: it is not a regular file`, { op })
    return fd
  } catch (error) {
    closeSync(fd)
    throw ioError('read', path, error)
  }
}

/**
 * Text out of a file as a message may show it: in quotes, not too long, and with nothing in it that a terminal would
 * obey or that turns the direction of writing.
 */
export function quoted(text: string, most = 120): string {
  const cut = text.length > most ? `${text.slice(0, most)}…` : text
  return JSON.stringify(cut).replace(
    /[\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
