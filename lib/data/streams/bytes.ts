/** Archives that are read from their beginning to their end: compressed files, and the output of commands. */
import { Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { MbconvError } from '../../errors/error'
import { dataError } from '../../files/data-file'
import { bytesOfFile } from '../../files/open'
import { outputOf, shownCommand } from '../../process/command'
import { isPipe, PIPE } from '../archives/shard-names'

/**
 * What is at an address, unpacked if it begins as gzip does.
 *
 * @param signal ends reading at once
 */
export async function* bytesAt(address: string, signal?: AbortSignal): AsyncGenerator<Buffer, void, undefined> {
  // Unpacking reads ahead: a command that writes nothing more would have to end before its output could be left.
  const left = new AbortController()
  const ending = signal === undefined ? left.signal : AbortSignal.any([signal, left.signal])
  const source = isPipe(address)
    ? outputOf(address.slice(PIPE.length), ending)
    : abortable(address, bytesOfFile(address, 'bytesAt'), ending)
  const name = shownAddress(address)
  try {
    let start = Buffer.alloc(0)
    while (start.length < 2) {
      const { value, done } = await source.next()
      if (done) break
      start = Buffer.concat([start, value])
    }
    if (start.length < 2 || start.readUInt16BE() !== 0x1f8b) {
      if (start.length > 0) yield start
      return yield* source
    }
    yield* gunzipped(name, start, source)
  } finally {
    left.abort()
    await source.return(undefined)
  }
}

/** An address as messages and the names of images show it. */
export const shownAddress = (address: string): string =>
  isPipe(address) ? `${PIPE}${shownCommand(address.slice(PIPE.length))}` : address

async function* abortable(name: string, source: AsyncGenerator<Buffer>, signal: AbortSignal): AsyncGenerator<Buffer> {
  for await (const piece of source) {
    if (signal.aborted) throw new MbconvError('ERR_ABORTED', `${name}: reading was stopped`)
    yield piece
  }
}

async function* gunzipped(name: string, start: Buffer, rest: AsyncGenerator<Buffer>) {
  async function* packed() {
    yield start
    yield* rest
  }
  const input = Readable.from(packed(), { objectMode: false })
  const output = createGunzip({ chunkSize: 2 ** 18 })
  let failure: unknown
  // Each error: what is left unread can fail while it is closed.
  input.on('error', (error) => {
    failure ??= error
    output.destroy(error)
  })
  input.pipe(output)
  try {
    yield* output as AsyncIterable<Buffer>
  } catch (error) {
    if (failure !== undefined) throw failure
    const { code } = error as NodeJS.ErrnoException
    const problem = code === 'Z_BUF_ERROR' ? 'ends early: it was not copied whole' : 'is damaged: gzip cannot unpack it'
    throw dataError(name, problem, 'Copy it again.', error)
  } finally {
    input.destroy()
    output.destroy()
  }
}

/** Takes pieces of a wanted length from a stream. */
export class StreamWindow {
  /** Bytes that have been taken or left out. */
  position = 0
  readonly #source: AsyncGenerator<Buffer>
  #held: Buffer = Buffer.alloc(0)

  constructor(source: AsyncGenerator<Buffer>) {
    this.#source = source
  }

  /** The next bytes; fewer at the end. They stay valid. */
  async take(length: number): Promise<Buffer> {
    const pieces: Buffer[] = []
    let missing = length
    while (missing > 0 && (await this.#more())) {
      const piece = this.#held.subarray(0, missing)
      pieces.push(piece)
      this.#held = this.#held.subarray(piece.length)
      missing -= piece.length
    }
    this.position += length - missing
    // A copy: a small image would keep the whole piece of the stream that it came in.
    return Buffer.concat(pieces)
  }

  /** Leaves bytes out, up to a position. */
  async skipTo(position: number): Promise<void> {
    while (this.position < position && (await this.#more())) {
      const left = Math.min(this.#held.length, position - this.position)
      this.#held = this.#held.subarray(left)
      this.position += left
    }
  }

  async #more(): Promise<boolean> {
    while (this.#held.length === 0) {
      const { value, done } = await this.#source.next()
      if (done) return false
      this.#held = value
    }
    return true
  }

  async close(): Promise<void> {
    await this.#source.return(undefined)
  }
}
