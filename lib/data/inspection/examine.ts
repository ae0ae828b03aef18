/** Reads and decodes single images, several at a time. */
import { createHash } from 'node:crypto'
import { MbconvError } from '../../errors/error'
import { readPart, readWhole } from '../../files/data-file'
import type { FilePath } from '../../files/open'
import { FileWindow } from '../../files/window'
import { type ImageFacts, withImage } from '../images/image-file'
import type { EncodedImage } from '../sources/image-dataset'

/** Images that are read at once: Node's number of threads for file access and decoding. */
const AHEAD = 4

export interface Examined {
  /** Undefined if the file cannot be read. */
  sha256?: string
  bytes: number
  /** Undefined if the image cannot be decoded. */
  facts?: ImageFacts
  /** Why the image cannot be read or decoded; begins with its name. */
  problem?: string
}

/**
 * Reads an image and decodes all of it.
 *
 * @throws MbconvError ERR_ENVIRONMENT if no decoder is installed; a damaged image is no error
 */
export async function examine(image: EncodedImage): Promise<Examined> {
  const { name, file, part } = image
  let found: Examined = { bytes: 0 }
  try {
    const bytes = part === undefined ? readWhole(file) : readPart(file, part.offset, part.length)
    found = { bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') }
    const facts = await withImage({ name, bytes }, {}, async (opened) => {
      for await (const rows of opened.rows()) void rows
      return opened.facts
    })
    return { ...found, facts }
  } catch (error) {
    if (!(error instanceof MbconvError) || error.code !== 'ERR_DATA') throw error
    return { ...found, problem: error.message }
  }
}

/**
 * Does the same work with each item, a few ahead of the one whose result is waited for. Results come in order.
 *
 * @throws whatever the work throws
 */
export async function* inOrder<T, R>(
  items: Iterable<T> | AsyncIterable<T>,
  work: (item: T) => Promise<R>,
): AsyncGenerator<[T, R]> {
  const underWay: [T, Promise<R>][] = []
  const next = async (): Promise<[T, R]> => {
    const [item, result] = underWay.shift() as [T, Promise<R>]
    return [item, await result]
  }
  try {
    for await (const item of items) {
      const working = work(item)
      working.catch(() => {}) // the error is reported in its turn
      underWay.push([item, working])
      if (underWay.length >= AHEAD) yield await next()
    }
    while (underWay.length > 0) yield await next()
  } finally {
    await Promise.allSettled(underWay.map(([, working]) => working))
  }
}

/** Bytes that are hashed at once. */
const PIECE = 2 ** 20

/**
 * Size and SHA-256 of a file.
 *
 * @throws MbconvError ERR_IO
 */
export function digestOf(path: FilePath): { bytes: number; sha256: string } {
  const file = new FileWindow(path, 'index', PIECE)
  try {
    const hash = createHash('sha256')
    let bytes = 0
    for (;;) {
      const piece = file.at(bytes, PIECE)
      if (piece.length === 0) return { bytes, sha256: hash.digest('hex') }
      hash.update(piece)
      bytes += piece.length
    }
  } finally {
    file.close()
  }
}
