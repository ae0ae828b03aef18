/** A partly downloaded file: `target.part` has its bytes, `target.part.json` names the version that they belong to. */
import { closeSync, constants, fstatSync, fsyncSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs'
import path from 'node:path'
import { MbconvError } from '../errors/error'
import { unlinkIfThere, writeFileAtomic } from './atomic'
import { freeBytes } from './folders'
import { openFile } from './open'

/** The file that a part belongs to. */
export interface PartRecord {
  url: string
  /** The server's marks of this version: its strong entity tag, and the date of its last change. */
  etag?: string
  modified?: string
  total?: number
  /** The SHA-256 that the server announced. */
  sha256?: string
}

/** Disk space that is left free. */
const SPARE_BYTES = 16 * 2 ** 20

export class Part {
  readonly path: string
  bytes: number
  record: PartRecord
  readonly #file: number
  readonly #recordPath: string

  constructor(target: string) {
    this.path = `${target}.part`
    this.#recordPath = `${this.path}.json`
    // O_NOFOLLOW: do not write through a link that somebody else has put there.
    const { O_RDWR, O_CREAT, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = constants
    this.#file = openSync(this.path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0o644)
    const stat = fstatSync(this.#file)
    if (!stat.isFile()) {
      closeSync(this.#file)
      throw new MbconvError('ERR_IO', `cannot write ${this.path}: it is not a regular file`, { op: 'download' })
    }
    this.bytes = stat.size
    this.record = readRecord(this.#recordPath)
  }

  describe(record: PartRecord): void {
    this.record = record
    writeFileAtomic(this.#recordPath, JSON.stringify(record))
  }

  append(bytes: Uint8Array): void {
    for (let done = 0; done < bytes.byteLength; ) {
      const written = writeSync(this.#file, bytes, done, bytes.byteLength - done, this.bytes)
      done += written
      this.bytes += written
    }
  }

  /** @throws MbconvError ERR_IO if the disk has no room for `more` bytes */
  checkRoom(more: number): void {
    const [needed, free] = [more + SPARE_BYTES, freeBytes(path.dirname(this.path))]
    if (needed <= free) return
    const text = `no space for ${this.path}: ${(needed / 1e6).toFixed(0)} MB are needed, ${(free / 1e6).toFixed(0)} MB are free`
    throw new MbconvError('ERR_IO', text, { op: 'download', hint: 'MBCONV_CACHE names a folder on another disk.' })
  }

  clear(): void {
    ftruncateSync(this.#file, 0)
    this.bytes = 0
    this.record = { url: '' }
  }

  sync(): void {
    fsyncSync(this.#file)
  }

  close(): void {
    closeSync(this.#file)
  }

  remove(): void {
    unlinkIfThere(this.path)
    unlinkIfThere(this.#recordPath)
  }
}

function readRecord(file: string): PartRecord {
  let fd: number | undefined
  try {
    fd = openFile(file, 'download')
    const record = JSON.parse(readFileSync(fd, 'utf8')) as PartRecord | null
    if (typeof record?.url === 'string') return record
  } catch {
    // The record is missing or damaged, so the source of the part is unknown.
  } finally {
    if (fd !== undefined) closeSync(fd)
  }
  return { url: '' }
}
