/** Reads and decodes a single image. */
import { createHash } from 'node:crypto'
import { MbconvError } from '../../errors/error'
import { readPart, readWhole } from '../../files/data-file'
import type { FilePath } from '../../files/open'
import { FileWindow } from '../../files/window'
import type { EncodedImage } from '../dataset/image-dataset'
import { type ImageFacts, withImage } from '../images/image-file'

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
