/* Writes tar archives (POSIX ustar). */

const BLOCK = 512

/**
 * A tar archive of regular files. It has no dates and no owners, so the same files always give the same archive.
 * @param {{name: string, bytes: Buffer}[]} members names of at most 100 bytes
 * @returns {Buffer}
 */
export function tarFile(members) {
  const parts = members.flatMap(({ name, bytes }) => {
    return [headerOf(name, bytes.length), bytes, Buffer.alloc(-bytes.length & (BLOCK - 1))]
  })
  return Buffer.concat([...parts, Buffer.alloc(2 * BLOCK)])
}

function headerOf(name, length) {
  if (Buffer.byteLength(name) > 100) throw new RangeError(`too long a name for this tar: ${name}`)
  const header = Buffer.alloc(BLOCK)
  const octal = (value, digits) => `${value.toString(8).padStart(digits, '0')}\0`
  header.write(name, 0)
  header.write(octal(0o644, 7), 100)
  header.write(octal(0, 7), 108)
  header.write(octal(0, 7), 116)
  header.write(octal(length, 11), 124)
  header.write(octal(0, 11), 136)
  header.fill(' ', 148, 156)
  header.write('0', 156)
  header.write('ustar\0' + '00', 257)
  const sum = header.reduce((total, byte) => total + byte, 0)
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return header
}
