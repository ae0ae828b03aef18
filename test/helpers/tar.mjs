/** Writes tar archives, right ones and wrong ones. */

function header(name, size, { type = '0', link = '', base256 = false, rawSize }) {
  const block = Buffer.alloc(512)
  block.write(name, 0, 100)
  block.write('0000644\0', 100)
  if (rawSize) rawSize.copy(block, 124)
  else if (base256) {
    block[124] = 0x80
    block.writeUIntBE(size, 130, 6)
  } else block.write(`${size.toString(8).padStart(11, '0')}\0`, 124)
  block.write(type, 156)
  block.write(link, 157, 100)
  block.write('ustar\x0000', 257, 'latin1')
  block.fill(' ', 148, 156)
  const sum = block.reduce((total, byte) => total + byte, 0)
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return block
}

/**
 * An archive of entries, [name, content] each.
 *
 * @param options of all entries: type, link, base256, size and rawSize in place of the content's; end: blocks of zeros
 */
export function tarOf(entries, { end = 2, size, ...options } = {}) {
  const blocks = entries.flatMap(([name, content]) => {
    const bytes = Buffer.from(content)
    return [header(name, size ?? bytes.length, options), bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)]
  })
  return Buffer.concat([...blocks, Buffer.alloc(512 * end)])
}
