/**
 * Headers of tar archives: POSIX ustar, pax extended headers (IEEE 1003.1), and GNU's long names and large sizes.
 *
 * Archives are not trusted. Nothing is ever extracted, so a name may be anything printable or not, but not longer than a
 * path of any system.
 */

/** Headers and contents begin at multiples of this. */
export const BLOCK = 512

/** Bytes of the longest name. */
export const LONGEST_NAME = 4096

/** A header as its block says, before extended headers replace parts of it. */
export interface TarHeader {
  /** A byte string. */
  name: string
  bytes: number
  type: string
}

/** The reason why a header cannot be read; it completes "ARCHIVE: …". */
export class BadHeader extends Error {}

/** The text of a field, up to its first zero byte, as a byte string. */
function fieldText(block: Buffer, from: number, length: number): string {
  const field = block.subarray(from, from + length)
  const end = field.indexOf(0)
  return field.toString('latin1', 0, end < 0 ? length : end)
}

/** A number in octal digits or, with the highest bit set, in base 256. */
function fieldNumber(block: Buffer, from: number, length: number, what: string): number {
  const field = block.subarray(from, from + length)
  if (field[0] & 0x80) {
    // Two's complement: a first byte of ones is a negative number.
    if (field[0] & 0x40) throw new BadHeader(`has a negative ${what}`)
    let value = BigInt(field[0] & 0x3f)
    for (const byte of field.subarray(1)) value = (value << 8n) | BigInt(byte)
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new BadHeader(`has a ${what} beyond all files`)
    return Number(value)
  }
  const digits = field.toString('latin1').replace(/^[ \0]+|[ \0][\s\S]*$/g, '')
  if (!/^[0-7]*$/.test(digits)) throw new BadHeader(`has a ${what} that is no number`)
  return digits === '' ? 0 : Number.parseInt(digits, 8)
}

/** Where the checksum is in a header. */
const CHECKSUM = { at: 148, bytes: 8 }

/** Whether the sum of a block's bytes, with blanks for the checksum, is as stated. */
function isIntact(block: Buffer): boolean {
  // Six octal digits, whatever follows them.
  const stated = Number.parseInt(fieldText(block, CHECKSUM.at, CHECKSUM.bytes), 8)
  let sum = 0
  for (let i = 0; i < BLOCK; i++) sum += block[i]
  for (let i = CHECKSUM.at; i < CHECKSUM.at + CHECKSUM.bytes; i++) sum += 0x20 - block[i]
  if (sum === stated) return true
  // Some old programs took the bytes as signed.
  for (const byte of block) if (byte > 127) sum -= 256
  return sum === stated
}

export const isZero = (block: Buffer): boolean => block.every((byte) => byte === 0)

/** @throws BadHeader */
export function parseHeader(block: Buffer): TarHeader {
  if (!isIntact(block)) throw new BadHeader('is no tar archive, or it is damaged: a checksum does not hold')
  const type = String.fromCharCode(block[156])
  const isPosix = block.toString('latin1', 257, 263) === 'ustar\0'
  const prefix = isPosix ? fieldText(block, 345, 155) : ''
  const name = fieldText(block, 0, 100)
  return {
    name: prefix === '' ? name : `${prefix}/${name}`,
    bytes: fieldNumber(block, 124, 12, 'size'),
    type: type === '\0' ? '0' : type,
  }
}

/**
 * The records of a pax header, as byte strings: `length key=value` lines, of which the length counts the whole line.
 *
 * @throws BadHeader
 */
export function paxRecords(content: Buffer): Map<string, string> {
  const records = new Map<string, string>()
  for (let at = 0; at < content.length; ) {
    const blank = content.indexOf(0x20, at)
    const digits = content.toString('latin1', at, blank < 0 ? at : Math.min(blank, at + 9))
    const end = at + Number(digits)
    const equals = content.indexOf(0x3d, blank)
    const isWhole = /^[1-9]\d*$/.test(digits) && equals > blank && equals < end && content[end - 1] === 0x0a
    if (!isWhole || end > content.length) throw new BadHeader('has an extended header that is damaged')
    records.set(content.toString('latin1', blank + 1, equals), content.toString('latin1', equals + 1, end - 1))
    at = end
  }
  return records
}
