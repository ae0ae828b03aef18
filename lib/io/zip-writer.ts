/**
 * Writes zip archives of stored (uncompressed) entries, in the form that PyTorch's reader takes: the data of every entry
 * begins at a multiple of 64 bytes, as torch.save does it, so that a file can be mapped into memory.
 *
 * Format: APPNOTE.TXT 6.3.10 (PKWARE), sections 4.3 and 4.5. Sizes and places beyond 32 bits go into the 64-bit fields.
 */
import { crc32 } from 'node:zlib'

/** Version 4.5 of the format has the 64-bit fields, 2.0 is enough for everything else. */
const VERSION = { plain: 20, zip64: 45 }
/** Names are UTF-8. */
const FLAGS = 1 << 11
/** 1 January 1980, the earliest date of the format: the same tensors give the same bytes. */
const DATE = 0x21
const ALIGNMENT = 64
/** A field of the largest number says that the number is in the 64-bit fields. */
const MOST_32 = 0xffffffff
const MOST_16 = 0xffff
/** Extra fields: 64-bit sizes, and padding as PyTorch names it. */
const EXTRA_64 = 1
const EXTRA_PADDING = 0x4246

export interface ZipContent {
  /** With `/` between its parts. */
  name: string
  /** Made when the entry's turn comes: one entry is in memory at a time. */
  bytes: () => Uint8Array
}

export interface ZipWriterOptions {
  /** Use the 64-bit fields also where 32 bits are enough. For tests. Default false. */
  zip64?: boolean
}

interface Written {
  name: Buffer
  crc: number
  bytes: number
  offset: number
}

/** Consecutive little-endian numbers: [value, bytes]. */
function fields(...numbers: (readonly [value: number, bytes: 2 | 4 | 8])[]): Buffer {
  const buffer = Buffer.alloc(numbers.reduce((sum, [, bytes]) => sum + bytes, 0))
  let at = 0
  for (const [value, bytes] of numbers) {
    if (bytes === 8) buffer.writeBigUInt64LE(BigInt(value), at)
    else if (bytes === 4) buffer.writeUInt32LE(value, at)
    else buffer.writeUInt16LE(value, at)
    at += bytes
  }
  return buffer
}

/** The archive, piece by piece. */
export function* zipped(
  contents: Iterable<ZipContent>,
  { zip64 = false }: ZipWriterOptions = {},
): Generator<Uint8Array> {
  const written: Written[] = []
  let at = 0
  for (const content of contents) {
    const data = content.bytes()
    const entry = { name: Buffer.from(content.name), crc: crc32(data), bytes: data.byteLength, offset: at }
    const head = localHeader(entry, zip64)
    yield head
    yield data
    at += head.byteLength + data.byteLength
    written.push(entry)
  }
  const directory = Buffer.concat(written.map((entry) => directoryEntry(entry, zip64)))
  yield directory
  yield ending(written.length, directory.byteLength, at, zip64)
}

const versionOf = (wide: boolean) => (wide ? VERSION.zip64 : VERSION.plain)

function localHeader({ name, crc, bytes, offset }: Written, zip64: boolean): Buffer {
  const wide = zip64 || bytes >= MOST_32
  const size = wide ? MOST_32 : bytes
  const sizes = wide ? fields([EXTRA_64, 2], [16, 2], [bytes, 8], [bytes, 8]) : Buffer.alloc(0)
  const unpadded = offset + 30 + name.byteLength + sizes.byteLength + 4
  const padding = Buffer.alloc((ALIGNMENT - (unpadded % ALIGNMENT)) % ALIGNMENT)
  const extra = Buffer.concat([sizes, fields([EXTRA_PADDING, 2], [padding.byteLength, 2]), padding])
  return Buffer.concat([
    fields(
      [0x04034b50, 4],
      [versionOf(wide), 2],
      [FLAGS, 2],
      [0, 2],
      [0, 2],
      [DATE, 2],
      [crc, 4],
      [size, 4],
      [size, 4],
    ),
    fields([name.byteLength, 2], [extra.byteLength, 2]),
    name,
    extra,
  ])
}

function directoryEntry({ name, crc, bytes, offset }: Written, zip64: boolean): Buffer {
  const [wideSize, wideOffset] = [bytes, offset].map((value) => zip64 || value >= MOST_32)
  const size = wideSize ? MOST_32 : bytes
  const wide = [...(wideSize ? [bytes, bytes] : []), ...(wideOffset ? [offset] : [])]
  const numbers = wide.map((value) => [value, 8] as const)
  const extra = wide.length === 0 ? Buffer.alloc(0) : fields([EXTRA_64, 2], [8 * wide.length, 2], ...numbers)
  const version = versionOf(wide.length > 0)
  return Buffer.concat([
    fields([0x02014b50, 4], [version, 2], [version, 2], [FLAGS, 2], [0, 2], [0, 2], [DATE, 2], [crc, 4]),
    fields([size, 4], [size, 4], [name.byteLength, 2], [extra.byteLength, 2]),
    // No comment, the first disk, no attributes.
    fields([0, 2], [0, 2], [0, 2], [0, 4], [wideOffset ? MOST_32 : offset, 4]),
    name,
    extra,
  ])
}

/** The records after the directory, which is `bytes` long and begins at `offset`. */
function ending(count: number, bytes: number, offset: number, zip64: boolean): Buffer {
  const wide = zip64 || count >= MOST_16 || bytes >= MOST_32 || offset >= MOST_32
  const numbers = wide ? [MOST_16, MOST_32, MOST_32] : [count, bytes, offset]
  const [entries, size, place] = numbers
  const end = fields([0x06054b50, 4], [0, 4], [entries, 2], [entries, 2], [size, 4], [place, 4], [0, 2])
  if (!wide) return end
  const { zip64: version } = VERSION
  return Buffer.concat([
    fields([0x06064b50, 4], [44, 8], [version, 2], [version, 2], [0, 4], [0, 4], [count, 8], [count, 8], [bytes, 8]),
    fields([offset, 8]),
    fields([0x07064b50, 4], [0, 4], [offset + bytes, 8], [1, 4]),
    end,
  ])
}
