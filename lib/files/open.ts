/**
 * Opens and reads files. Opening never blocks: a pipe would otherwise wait for its other end.
 */
import {
  closeSync,
  constants,
  createReadStream,
  existsSync,
  fstatSync,
  openSync,
  readSync,
  realpathSync,
} from 'node:fs'
import { join, sep } from 'node:path'
import { checkPath } from '../errors/check'
import { MbconvError } from '../errors/error'
import { nameOf } from '../text/foreign-text'
import { decodeText, NotText } from './encoding'
import { ioError, reasonOf } from './io-error'

export { quoted } from '../text/foreign-text'

/** A path as text, or as the file system's bytes if they are not text. */
export type FilePath = string | Buffer

/** The longest string, in bytes of ASCII. */
const LONGEST_TEXT = 2 ** 29 - 25

const { O_RDONLY, O_WRONLY, O_APPEND, O_CREAT, O_NONBLOCK = 0 } = constants

export interface ReadOptions {
  /** Name of the reader, for the error. */
  op: string
  /** Most bytes; a longer file is refused. */
  most?: number
  /** Makes the error for a file that cannot be read, or is not text. Default: ERR_IO, and ERR_FORMAT for non-text. */
  refuse?: (reason: string, cause: unknown) => MbconvError
}

/** Kinds of files that may be opened. Devices are never opened, since they may be endless. */
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
 * Opens a regular file for reading. Refuses folders, pipes and devices.
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
 * Opens a regular file for appending, and creates it if it is missing.
 *
 * @throws MbconvError ERR_IO for anything but a regular file, and if it cannot be created
 */
export function openToAppend(path: string, op: string): number {
  checkPath(op, path)
  try {
    return open(path, O_WRONLY | O_APPEND | O_CREAT)
  } catch (error) {
    throw ioError('write', path, error, op)
  }
}

/**
 * The bytes of a regular file as they are read. Closes the file at its end, and when the caller stops.
 *
 * @throws MbconvError ERR_IO, when reading begins or later
 */
export async function* bytesOfFile(path: string, op: string): AsyncGenerator<Buffer, void, undefined> {
  const stream = createReadStream('', { fd: openFile(path, op), highWaterMark: 2 ** 18 })
  try {
    yield* stream
  } catch (error) {
    throw ioError('read', path, error, op)
  } finally {
    stream.destroy()
  }
}

/** Opens a regular file or a pipe (`<(…)`), for {@link readNow}. */
export const openStream = (path: FilePath): number => open(path, O_RDONLY, 'file or pipe')

/** Reads the bytes available now: 0 bytes at the end, undefined while a pipe's writer sends nothing. */
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
/** Milliseconds that a pipe's writer may be silent. */
const PATIENCE = 10_000

/** Reads all bytes up to the end, at most `most`. */
function readAll(fd: number, most: number): Buffer {
  // The size is only a hint: files of /proc and pipes have none, and another process may be writing.
  const { size } = fstatSync(fd)
  const check = (length: number) => {
    if (length > most) throw new Error(`it has ${Math.max(length, size)} bytes, more than the ${most} allowed`)
  }
  check(size)
  // Not from Buffer's pool: its memory may be released later (see data/release), which must not release another
  // buffer's.
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
 * The bytes of a regular file that really lies below a folder, after all links have been followed.
 *
 * @returns undefined if it lies elsewhere
 * @throws MbconvError ERR_IO
 */
export function readInside(folder: string, name: string, options: ReadOptions): Buffer | undefined {
  let path: string
  try {
    path = realpathSync(join(folder, name))
    if (!path.startsWith(realpathSync(folder) + sep)) return undefined
  } catch (error) {
    throw ioError('read', join(folder, name), error, options.op)
  }
  return readBytes(path, options)
}

/**
 * A range of a regular file's bytes.
 *
 * @throws MbconvError ERR_IO, also if the file ends before the range does
 */
export function readRange(path: FilePath, offset: number, length: number, { op, refuse }: ReadOptions): Buffer {
  checkPath(op, path)
  let fd: number | undefined
  try {
    fd = open(path, O_RDONLY)
    const { size } = fstatSync(fd)
    if (offset + length > size)
      throw new Error(`it has ${size} bytes, and bytes ${offset} to ${offset + length} are wanted`)
    // Not from Buffer's pool, as in readAll.
    const buffer = Buffer.allocUnsafeSlow(length)
    for (let done = 0; done < length; ) {
      const got = readSync(fd, buffer, done, Math.min(length - done, MOST_AT_ONCE), offset + done)
      if (got === 0) throw new Error('it became shorter while it was read')
      done += got
    }
    return buffer
  } catch (error) {
    throw refuse?.(reasonOf(error), error) ?? ioError('read', path, error, op)
  } finally {
    if (fd !== undefined) closeSync(fd)
  }
}

/**
 * The text of a regular file: UTF-8, or UTF-16 that begins with its mark.
 *
 * @param pipes allow pipes too; a pipe without a writer is empty, and one whose writer is silent for ten seconds is
 *   refused
 * @throws MbconvError ERR_IO; ERR_FORMAT if it is not text
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
 * The text of a file that this library appends lines to; '' if there is none. Readers of the lines must handle a last
 * line that a crash has cut off.
 *
 * @throws MbconvError ERR_IO
 */
export function readLog(path: string, op: string): string {
  return existsSync(path) ? readBytes(path, { op }).toString('utf8') : ''
}
