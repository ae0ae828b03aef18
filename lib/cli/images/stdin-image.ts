/** Reads an image from stdin. */
import type { DecodeOptions, NamedBytes } from '../../data/images/image-file'
import { HEAD_BYTES, imageKind, isReadable } from '../../data/images/image-kind'
import { mostBytes } from '../../data/images/image-limits'

/** Reads stdin to its end. Stops early once the data cannot be a supported image. */
export async function stdinImage(options: DecodeOptions = {}): Promise<NamedBytes> {
  const most = mostBytes(options)
  const chunks: Buffer[] = []
  let length = 0
  let known = false
  for await (const chunk of process.stdin) {
    chunks.push(chunk)
    length += chunk.length
    if (!known && length >= HEAD_BYTES) {
      if (!isReadable(imageKind(Buffer.concat(chunks)))) break
      known = true
    }
    if (length > most) break
  }
  return { name: '-', bytes: Buffer.concat(chunks) }
}
