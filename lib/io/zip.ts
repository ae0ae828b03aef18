/**
 * Zip archives with stored (uncompressed) entries, as PyTorch writes them, read entry by entry.
 *
 * Format: APPNOTE.TXT 6.3.10 (PKWARE), sections 4.3 and 4.5. An archive is not trusted. These checks are made: entries
 * lie within the file, do not overlap, have one name each that leads to no other folder, and match their checksum.
 */
import { closeSync, fstatSync, readSync } from 'node:fs'
import { crc32 } from 'node:zlib'
import { MbconvError } from '../errors/error'
import { ioError } from '../files/io-error'
import { openFile, quoted } from '../files/open'

const END = { signature: 0x06054b50, bytes: 22 }
const END64_LOCATOR = { signature: 0x07064b50, bytes: 20 }
const END64 = { signature: 0x06064b50, bytes: 56 }
const CENTRAL = { signature: 0x02014b50, bytes: 46 }
const LOCAL = { signature: 0x04034b50, bytes: 30 }
const MAX_COMMENT = 0xffff
const MAX_DIRECTORY_BYTES = 16 * 2 ** 20
/** Far more entries than a network has tensors. */
const MAX_ENTRIES = 100_000
/** Limit of one read() by the system. */
const MOST_AT_ONCE = 1 << 30
/** Flag of an entry: encrypted. */
const ENCRYPTED = 1

export interface ZipEntry {
  name: string
  bytes: number
  crc: number
  /** Position of the local header in the file. */
  offset: number
  /** Position of whatever follows the entry. */
  limit: number
  /** Neither compressed nor encrypted. */
  stored: boolean
}

export class ZipFile {
  readonly entries: ReadonlyMap<string, ZipEntry>
  readonly #path: string
  readonly #file: number
  readonly #bytes: number

  /** @throws MbconvError ERR_IO, ERR_FORMAT naming the problem */
  constructor(path: string) {
    this.#path = path
    this.#file = openFile(path, 'zip')
    try {
      this.#bytes = fstatSync(this.#file).size
      this.entries = this.#directory()
    } catch (error) {
      closeSync(this.#file)
      throw error
    }
  }

  /** Size of the whole archive in bytes. */
  get size(): number {
    return this.#bytes
  }

  close(): void {
    closeSync(this.#file)
  }

  /**
   * The content of an entry.
   *
   * @param most refuses a larger entry before anything is read
   * @throws MbconvError ERR_FORMAT, also if the checksum does not match; ERR_OOM
   */
  read(entry: ZipEntry, most = Number.POSITIVE_INFINITY): Buffer {
    const name = quoted(entry.name)
    if (!entry.stored) this.#reject(`${name} is compressed or encrypted`)
    if (entry.bytes > most) this.#reject(`${name} has ${entry.bytes} bytes, ${most} at most are expected`)
    const header = this.#bytesAt(entry.offset, LOCAL.bytes)
    if (header.readUInt32LE(0) !== LOCAL.signature) this.#reject(`${name} has no header where it should be`)
    if (header.readUInt16LE(8) !== 0 || header.readUInt16LE(6) & ENCRYPTED) {
      this.#reject(`${name} is compressed or encrypted by its own header`)
    }
    const nameBytes = header.readUInt16LE(26)
    const start = entry.offset + LOCAL.bytes + nameBytes + header.readUInt16LE(28)
    const own = this.#bytesAt(entry.offset + LOCAL.bytes, nameBytes).toString('utf8')
    if (own !== entry.name) this.#reject(`${name} is called ${quoted(own)} in its own header`)
    // The local header's extra field moves the data; the directory does not show its length.
    if (start + entry.bytes > entry.limit) this.#reject(`${name} reaches into what comes behind it`)
    const data = this.#bytesAt(start, entry.bytes)
    if (crc32(data) !== entry.crc) this.#reject(`the checksum of ${name} does not hold`)
    return data
  }

  #reject(problem: string): never {
    throw new MbconvError('ERR_FORMAT', `${this.#path}: ${problem}`, { op: 'zip' })
  }

  #bytesAt(offset: number, length: number): Buffer {
    if (offset < 0 || length < 0 || offset + length > this.#bytes) this.#reject('it ends too early')
    let buffer: Buffer
    try {
      buffer = Buffer.allocUnsafeSlow(length)
    } catch (cause) {
      throw new MbconvError('ERR_OOM', `${this.#path}: no memory for ${length} bytes of it`, { op: 'zip', cause })
    }
    try {
      for (let done = 0; done < length; ) {
        const got = readSync(this.#file, buffer, done, Math.min(length - done, MOST_AT_ONCE), offset + done)
        if (got === 0) this.#reject('it ends too early')
        done += got
      }
    } catch (error) {
      throw ioError('read', this.#path, error)
    }
    return buffer
  }

  #number64(buffer: Buffer, at: number): number {
    const value = buffer.readBigUInt64LE(at)
    if (value > BigInt(this.#bytes)) this.#reject('it names a place beyond its end')
    return Number(value)
  }

  /** Finds the central directory. */
  #end(): { count: number; bytes: number; offset: number; limit: number } {
    const tail = Math.min(this.#bytes, END.bytes + MAX_COMMENT)
    const buffer = this.#bytesAt(this.#bytes - tail, tail)
    let at = tail - END.bytes
    while (at >= 0 && buffer.readUInt32LE(at) !== END.signature) at--
    if (at < 0) this.#reject('it is no zip archive, or it is cut short')
    const here = this.#bytes - tail + at
    if (at + END.bytes + buffer.readUInt16LE(at + 20) !== tail) this.#reject('something follows its end')
    const found = {
      count: buffer.readUInt16LE(at + 10),
      bytes: buffer.readUInt32LE(at + 12),
      offset: buffer.readUInt32LE(at + 16),
      limit: here,
    }
    // Disk numbers: of this record, and of the directory's beginning.
    const disks = buffer.readUInt32LE(at + 4)
    if (found.count !== 0xffff && found.bytes !== 0xffffffff && found.offset !== 0xffffffff) {
      if (disks !== 0 || buffer.readUInt16LE(at + 8) !== found.count) this.#reject('it is a part of an archive')
      return found
    }
    // The sizes exceed 32 bits: use the 64-bit record.
    const locator = this.#bytesAt(here - END64_LOCATOR.bytes, END64_LOCATOR.bytes)
    if (locator.readUInt32LE(0) !== END64_LOCATOR.signature) return found
    const limit = this.#number64(locator, 8)
    const end64 = this.#bytesAt(limit, END64.bytes)
    if (end64.readUInt32LE(0) !== END64.signature || limit + END64.bytes > here - END64_LOCATOR.bytes) {
      this.#reject('its 64-bit directory is not where it should be')
    }
    const number = (field: number) => this.#number64(end64, field)
    return { count: number(32), bytes: number(40), offset: number(48), limit }
  }

  #directory(): Map<string, ZipEntry> {
    const end = this.#end()
    if (
      end.bytes > MAX_DIRECTORY_BYTES ||
      end.count * CENTRAL.bytes > end.bytes ||
      end.offset + end.bytes > end.limit
    ) {
      this.#reject('its directory is not as large as it says')
    }
    if (end.count > MAX_ENTRIES) this.#reject(`it has ${end.count} entries`)
    const buffer = this.#bytesAt(end.offset, end.bytes)
    const entries = new Map<string, ZipEntry>()
    let at = 0
    for (let i = 0; i < end.count; i++) {
      if (at + CENTRAL.bytes > buffer.length || buffer.readUInt32LE(at) !== CENTRAL.signature) {
        this.#reject(`entry ${i} of its directory is damaged`)
      }
      const [nameBytes, extraBytes, commentBytes] = [28, 30, 32].map((field) => buffer.readUInt16LE(at + field))
      const extraAt = at + CENTRAL.bytes + nameBytes
      const next = extraAt + extraBytes + commentBytes
      if (next > buffer.length) this.#reject(`entry ${i} of its directory is damaged`)
      const name = buffer.toString('utf8', at + CENTRAL.bytes, extraAt)
      this.#checkName(name, entries)
      const flags = buffer.readUInt16LE(at + 8)
      const method = buffer.readUInt16LE(at + 10)
      const stored = method === 0 && (flags & ENCRYPTED) === 0
      const entry = { ...this.#entry(name, buffer, at, extraAt, extraBytes), stored, limit: end.offset }
      if (stored && entry.bytes !== entry.whole) this.#reject(`${quoted(name)} is stored, but of two sizes`)
      entries.set(name, entry)
      at = next
    }
    if (at !== buffer.length) this.#reject('its directory is not as large as it says')
    this.#checkPlaces(entries, end.offset)
    return entries
  }

  #entry(name: string, buffer: Buffer, at: number, extraAt: number, extraBytes: number) {
    // Only the size in the file matters. For an uncompressed entry it is the only size.
    let compressed = buffer.readUInt32LE(at + 20)
    let whole = buffer.readUInt32LE(at + 24)
    let offset = buffer.readUInt32LE(at + 42)
    // Fields of 32 ones are in the 64-bit extra field, in this order.
    for (let extra = extraAt; extra + 4 <= extraAt + extraBytes; ) {
      const [id, length] = [buffer.readUInt16LE(extra), buffer.readUInt16LE(extra + 2)]
      const stop = extra + 4 + length
      if (stop > extraAt + extraBytes) this.#reject(`${quoted(name)}: its directory entry is damaged`)
      if (id === 1) {
        let field = extra + 4
        const take = () => {
          if (field + 8 > stop) this.#reject(`${quoted(name)}: its directory entry is damaged`)
          field += 8
          return this.#number64(buffer, field - 8)
        }
        if (whole === 0xffffffff) whole = take()
        if (compressed === 0xffffffff) compressed = take()
        if (offset === 0xffffffff) offset = take()
      }
      extra = stop
    }
    return { name, bytes: compressed, whole, crc: buffer.readUInt32LE(at + 16), offset }
  }

  #checkName(name: string, entries: ReadonlyMap<string, ZipEntry>): void {
    if (entries.has(name)) this.#reject(`it has two entries called ${quoted(name)}`)
    const parts = name.split('/')
    if (name === '' || name.includes('\\') || name.includes('\0') || parts.includes('..') || parts[0] === '') {
      this.#reject(`an entry is called ${quoted(name)}, which leads out of it`)
    }
  }

  /** Checks that entries lie before the directory, one after another. */
  #checkPlaces(entries: ReadonlyMap<string, ZipEntry>, directory: number): void {
    const sorted = [...entries.values()].sort((a, b) => a.offset - b.offset)
    for (const [i, entry] of sorted.entries()) {
      const end = entry.offset + LOCAL.bytes + Buffer.byteLength(entry.name) + entry.bytes
      entry.limit = sorted[i + 1]?.offset ?? directory
      if (end > entry.limit) this.#reject(`${quoted(entry.name)} reaches into what comes behind it`)
    }
  }
}
