/** The images that a command's words mean: files, folders, patterns, stdin, a list of paths. */
import fs from 'node:fs'
import path from 'node:path'
import readline from 'node:readline'
import { glob, isDynamicPattern } from 'tinyglobby'
import { MbconvError } from '../errors'
import type { ImageSource } from '../train/predict'
import { isFolder } from './runs'
import { stdinImage } from './stdin-image'

/** Endings of files that a folder is searched for. A file that is named is read whatever its ending. */
const ENDINGS = ['jpg', 'jpeg', 'png', 'webp', 'gif', 'tif', 'tiff', 'avif']

const IN_FOLDER = `**/*.{${ENDINGS.join(',')}}`

export interface ImageWords {
  /** Files, folders, patterns; `-` is an image on stdin. */
  words: readonly string[]
  /** A file with a path a line; `-` is stdin. */
  filesFrom?: string
  /** Of the image on stdin, as in `DecodeOptions`. */
  maxPixels?: number
}

/**
 * The images one by one, words in order, what folders and patterns hold by name.
 *
 * @param empty told of a folder or pattern without images
 * @throws MbconvError ERR_DATA for a list of paths that cannot be read
 */
export async function* imagesOf(
  { words, filesFrom, maxPixels }: ImageWords,
  empty: (file: string, error: MbconvError) => void,
): AsyncGenerator<ImageSource, void, undefined> {
  function* found(folder: string, names: string[], word = folder): Generator<string> {
    if (names.length === 0) {
      const hint = `Folders are searched for ${ENDINGS.join(', ')} files.`
      empty(word, new MbconvError('ERR_DATA', `${word}: no image there`, { hint }))
    }
    // By name, numbers by value: 2.png comes before 10.png.
    const order = new Intl.Collator('en', { numeric: true }).compare
    for (const name of names.sort(order)) yield path.join(folder, name)
  }
  for (const word of words) {
    if (word === '-') yield await stdinImage({ maxPixels })
    else if (isFolder(word)) yield* found(word, await glob(IN_FOLDER, { cwd: word, caseSensitiveMatch: false }))
    else if (!fs.existsSync(word) && isDynamicPattern(word)) yield* found('', await glob(word), word)
    else yield word // one that is missing is told like one that cannot be read
  }
  if (filesFrom !== undefined) yield* listed(filesFrom)
}

/** Refuses words that cannot be, before any image is read. */
export function checkImageWords({ words, filesFrom }: ImageWords): void {
  if (words.length === 0 && filesFrom === undefined)
    throw new MbconvError('ERR_USAGE', 'no image given', { hint: 'for example: mbconv predict three.png --topk 3' })
  if (words.filter((word) => word === '-').length + (filesFrom === '-' ? 1 : 0) > 1)
    throw new MbconvError('ERR_USAGE', 'stdin can be read only once')
}

async function* listed(file: string): AsyncGenerator<string> {
  const input = file === '-' ? process.stdin : fs.createReadStream(file)
  try {
    for await (const line of readline.createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
      if (line !== '') yield line
    }
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    const problem = code === 'ENOENT' ? 'no such file' : `cannot be read (${code ?? message})`
    throw new MbconvError('ERR_DATA', `${file}: ${problem}`, { cause })
  }
}
