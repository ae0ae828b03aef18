/**
 * CRC-32C, the checksum of iSCSI (RFC 3720, appendix B.4), and its masked form, which TFRecord files store.
 *
 * It has the polynomial of Castagnoli; `crc32` of node:zlib has another one.
 */

/** The polynomial 0x1EDC6F41 with its bits reversed, because the lowest bit of a byte comes first. */
const POLYNOMIAL = 0x82f63b78

/** The checksum's change for each value of a byte. */
const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let rest = byte
  for (let bit = 0; bit < 8; bit++) rest = rest & 1 ? (rest >>> 1) ^ POLYNOMIAL : rest >>> 1
  return rest
})

/** The checksum of some bytes, 0 … 2^32 − 1. */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff
  for (const byte of bytes) crc = TABLE[(crc ^ byte) & 0xff] ^ (crc >>> 8)
  return ~crc >>> 0
}

/**
 * The checksum as TFRecord files store it: rotated and shifted, so that a checksum of data that contains checksums stays
 * meaningful. Source: tensorflow/core/lib/hash/crc32c.h.
 */
export function maskedCrc32c(bytes: Uint8Array): number {
  const crc = crc32c(bytes)
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0
}
