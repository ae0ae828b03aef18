/** Reads lists of paths: one per line, or each followed by a NUL character, as `find -print0` writes them. */
import { closeSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { MbconvError } from '../../errors/error'
import { encodingOf, looksLikeUtf16 } from '../../files/encoding'
import { reasonOf } from '../../files/io-error'
import { type AnyPath, pathOf } from '../../files/names'
import { openStream, readNow } from '../../files/open'

/** In bytes; longer than a path of any system. */
const LONGEST = 64 * 1024
const LINE_BREAK = 0x0a
const RETURN = 0x0d

/**
 * The paths of a list, without empty lines. The list is read as it arrives, since the program that writes it may still
 * be running. It is UTF-8, in which names may contain invalid bytes, or UTF-16 with a byte-order mark.
 *
 * @param file a file or pipe; `-` is stdin
 * @throws MbconvError ERR_DATA if it cannot be read or is not a list
 */
export async function* pathsIn(file: string): AsyncGenerator<AnyPath, void, undefined> {
  const refused = (reason: string, cause?: unknown) => new MbconvError('ERR_DATA', `${file}: ${reason}`, { cause })
  let rest = Buffer.alloc(0)
  let separator: number | undefined
  try {
    for await (const piece of utf8(file === '-' ? process.stdin : bytesOf(file))) {
      rest = Buffer.concat([rest, piece])
      if (separator === undefined && looksLikeUtf16(rest))
        throw refused('is UTF-16 text without a byte-order mark; save it as UTF-8')
      for (let from = 0; ; ) {
        separator ??= separatorOf(rest)
        const end = separator === undefined ? -1 : rest.indexOf(separator, from)
        if (end < 0) {
          rest = rest.subarray(from)
          break
        }
        const path = entry(rest.subarray(from, end), separator)
        if (path.length > 0) yield pathOf(path)
        from = end + 1
      }
      if (rest.length > LONGEST) throw refused('is no list of paths: a line is longer than any path')
    }
  } catch (error) {
    if (error instanceof MbconvError) throw error
    throw refused(reasonOf(error), error)
  }
  const last = entry(rest, separator)
  if (last.length > 0) yield pathOf(last)
}

/** Detects the list's separator from its beginning. With NUL characters, line breaks are parts of names. */
function separatorOf(start: Buffer): number | undefined {
  return [0, LINE_BREAK].find((separator) => start.includes(separator))
}

const entry = (bytes: Buffer, separator: number | undefined): Buffer =>
  separator !== 0 && bytes.at(-1) === RETURN ? bytes.subarray(0, -1) : bytes

/** Yields copies, since the read buffer is reused. */
async function* bytesOf(file: string): AsyncGenerator<Buffer> {
  const fd = openStream(file)
  try {
    const buffer = Buffer.alloc(LONGEST)
    for (;;) {
      const got = readNow(fd, buffer)
      if (got === 0) return
      if (got === undefined) await sleep(20)
      else yield Buffer.from(buffer.subarray(0, got))
    }
  } finally {
    closeSync(fd)
  }
}

/** Removes a byte-order mark, and converts UTF-16 to UTF-8. */
async function* utf8(pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let start = Buffer.alloc(0)
  let decoder: InstanceType<typeof TextDecoder> | null | undefined
  for await (const piece of pieces) {
    if (decoder === null) {
      yield piece
      continue
    }
    if (decoder !== undefined) {
      yield Buffer.from(decoder.decode(piece, { stream: true }))
      continue
    }
    start = Buffer.concat([start, piece])
    if (start.length < 4) continue
    const { name, mark } = encodingOf(start)
    decoder = name === 'utf-8' ? null : new TextDecoder(name, { ignoreBOM: true })
    const body = start.subarray(mark)
    yield decoder === null ? body : Buffer.from(decoder.decode(body, { stream: true }))
  }
  if (decoder !== undefined) return
  yield start.subarray(encodingOf(start).mark)
}
