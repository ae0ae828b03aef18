/**
 * Opening files. Whatever lies at a path, opening it never waits: the open of a pipe would, for the other end.
 */
import { closeSync, constants, existsSync, fstatSync, openSync, readSync } from 'node:fs'
import { checkPath } from '../errors/check'
import { MbconvError } from '../errors/error'
import { nameOf } from '../text/foreign-text'
import { ioError, reasonOf } from './io-error'
import { decodeText, NotText } from './text'

export { quoted } from '../text/foreign-text'

/** A path as text, or as the bytes that the file system has where they are no text. */
export type FilePath = string | Buffer

/** The longest text that a string can hold, in bytes of ASCII. */
const LONGEST_TEXT = 2 ** 29 - 25

const { O_RDONLY, O_WRONLY, O_APPEND, O_CREAT, O_NONBLOCK = 0 } = constants

export interface ReadOptions {
  /** What reads, for the error. */
  op: string
  /** Bytes; a longer file is refused. */
  most?: number
  /** Makes the error of a file that cannot be read, or is no text. Default ERR_IO, and ERR_FORMAT for what is no text. */
  refuse?: (reason: string, cause: unknown) => MbconvError
}

/** What kinds of things may be opened. Devices never may: they may have no end. */
type Kind = 'file' | 'file or pipe'

function open(path: FilePath, flags: number, kind: Kind = 'file'): number {
  const fd = openSync(path, flags | O_NONBLOCK, 0o666)
  try {
    const stat = fstatSync(fd)
    if (stat.isFile() || (kind === 'file or pipe' && stat.isFIFO())) return fd
    throw new Error(stat.isDirectory() ? 'it is a folder, not a regular file' : 'it is not a regular file')
  } catch (error) {
    closeSync(fd)
    throw error
  }
}

/**
 * Opens a regular file for reading. Folders, pipes and devices are refused.
 *
 * @throws MbconvError ERR_IO
 */
export function openFile(path: FilePath, op: string): number {
  checkPath(op, path)
  try {
    return open(path, O_RDONLY)
  } catch (error) {
    throw ioError('read', path, error, op)
  }
}

/**
 * Opens a regular file for adding to its end, and makes it where there is none.
 *
 * @throws MbconvError ERR_IO for anything but a regular file, and where it cannot be made
 */
export function openToAppend(path: string, op: string): number {
  checkPath(op, path)
  try {
    return open(path, O_WRONLY | O_APPEND | O_CREAT)
  } catch (error) {
    throw ioError('write', path, error, op)
  }
}

/** Opens a regular file or a pipe (`<(…)`), whose bytes {@link readNow} gives. */
export const openStream = (path: FilePath): number => open(path, O_RDONLY, 'file or pipe')

/** Reads what is there: 0 bytes at the end, undefined while the writer of a pipe has nothing to say. */
export function readNow(fd: number, buffer: Uint8Array): number | undefined {
  try {
    return readSync(fd, buffer, 0, buffer.length, null)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return undefined
    throw error
  }
}

/** Bytes that one read() takes. */
const MOST_AT_ONCE = 2 ** 30
/** Milliseconds that the writer of a pipe may keep silent. */
const PATIENCE = 10_000

/** All bytes up to the end, of which there may be `most`. */
function readAll(fd: number, most: number): Buffer {
  // A hint: files of /proc have no size, a pipe has none, and another process may be writing.
  const { size } = fstatSync(fd)
  const check = (length: number) => {
    if (length > most) throw new Error(`it has ${Math.max(length, size)} bytes, more than the ${most} allowed`)
  }
  check(size)
  // Not from Buffer's pool: what is read may be given back (see data/release), and takes no other's memory with it.
  let buffer = Buffer.allocUnsafeSlow(size + 1)
  let silent = 0
  for (let length = 0; ; ) {
    const got = readNow(fd, buffer.subarray(length, length + MOST_AT_ONCE))
    if (got === undefined) {
      if (silent >= PATIENCE) throw new Error('its writer says nothing')
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20)
      silent += 20
      continue
    }
    silent = 0
    length += got
    if (got === 0) return buffer.subarray(0, length)
    check(length)
    if (length < buffer.length) continue
    const longer = Buffer.allocUnsafeSlow(Math.min(2 * length + 4096, most + 1))
    longer.set(buffer)
    buffer = longer
  }
}

function read(path: FilePath, kind: Kind, { op, most = LONGEST_TEXT, refuse }: ReadOptions): Buffer {
  checkPath(op, path)
  let fd: number | undefined
  try {
    fd = open(path, O_RDONLY, kind)
    return readAll(fd, most)
  } catch (error) {
    throw refuse?.(reasonOf(error), error) ?? ioError('read', path, error, op)
  } finally {
    if (fd !== undefined) closeSync(fd)
  }
}

/**
 * The bytes of a regular file.
 *
 * @throws MbconvError ERR_IO
 */
export const readBytes = (path: FilePath, options: ReadOptions): Buffer => read(path, 'file', options)

/**
 * The text of a regular file: UTF-8, or UTF-16 with its mark.
 *
 * @param pipes a pipe will do, too; one that nobody writes to is empty, and one whose writer says nothing for ten seconds
 *   is refused
 * @throws MbconvError ERR_IO, ERR_FORMAT where it is no text
 */
export function readText(path: FilePath, options: ReadOptions & { pipes?: boolean }): string {
  const bytes = read(path, options.pipes ? 'file or pipe' : 'file', options)
  try {
    return decodeText(bytes)
  } catch (cause) {
    const reason = cause instanceof NotText ? cause.message : 'is too long for a text'
    const { op, refuse } = options
    throw refuse?.(reason, cause) ?? new MbconvError('ERR_FORMAT', `${nameOf(path)}: ${reason}`, { op, cause })
  }
}

/**
 * The text of a file that this library adds lines to, '' where there is none. What a crash has torn is left to whoever
 * reads the lines.
 *
 * @throws MbconvError ERR_IO
 */
export function readLog(path: string, op: string): string {
  return existsSync(path) ? readBytes(path, { op }).toString('utf8') : ''
}
