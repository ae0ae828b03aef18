/** Resolves a command's words to images: files, folders, patterns, stdin, a list of paths. */
import { existsSync } from 'node:fs'
import path from 'node:path'
import { glob, isDynamicPattern } from 'tinyglobby'
import { MbconvError } from '../../errors/error'
import { readWhole } from '../../files/data-file'
import { isFolder } from '../../files/folders'
import { type AnyPath, exactly, textOf, walk } from '../../files/names'
import type { ImageSource } from '../../inference/each-image'
import { nameOf } from '../../text/foreign-text'
import { pathsIn } from './path-list'
import { stdinImage } from './stdin-image'

/** File extensions that are searched for in folders. A file given by name is read whatever its extension. */
const ENDINGS = ['jpg', 'jpeg', 'png', 'webp', 'gif', 'tif', 'tiff', 'avif']

const isImage = (name: string) => ENDINGS.some((ending) => name.toLowerCase().endsWith(`.${ending}`))

/** An unreadable folder is reported like an unreadable image, and skipped. */
const asData = (error: MbconvError) => new MbconvError('ERR_DATA', error.message, { cause: error })

export interface ImageWords {
  /** Files, folders, patterns; `-` is an image on stdin. */
  words: readonly string[]
  /** A file with one path per line, or with paths that each end in a NUL character; `-` is stdin. */
  filesFrom?: string
  /** Limit for the image on stdin, as in `DecodeOptions`. */
  maxPixels?: number
}

/** Called for what is left out: a folder or pattern without images, a file that cannot be read. */
type Skip = (file: string, error: MbconvError) => void

/**
 * Yields the images one by one: words in order, the content of folders and patterns by name.
 *
 * @throws MbconvError ERR_DATA for an unreadable list of paths; ERR_IO for an unreadable folder
 */
export async function* imagesOf(
  { words, filesFrom, maxPixels }: ImageWords,
  skip: Skip,
): AsyncGenerator<ImageSource, void, undefined> {
  for (const word of words) {
    if (word === '-') yield await stdinImage({ maxPixels })
    else if (existsSync(word) && !isFolder(word)) yield word
    else yield* sources(await pathsOf(word, skip), skip)
  }
  if (filesFrom !== undefined) for await (const each of pathsIn(filesFrom)) yield* sources([each], skip)
}

/** Refuses invalid combinations of words before any image is read. */
export function checkImageWords({ words, filesFrom }: ImageWords): void {
  if (words.length === 0 && filesFrom === undefined)
    throw new MbconvError('ERR_USAGE', 'no image given', { hint: 'for example: mbconv predict three.png --topk 3' })
  if (words.filter((word) => word === '-').length + (filesFrom === '-' ? 1 : 0) > 1)
    throw new MbconvError('ERR_USAGE', 'stdin can be read only once')
}

/**
 * Paths in the form that predictions take. A file whose name is not valid text is read here, since later code could not
 * name it.
 */
function* sources(paths: readonly AnyPath[], skip: Skip): Generator<ImageSource> {
  for (const each of paths) {
    if (typeof each === 'string') {
      yield each
      continue
    }
    const name = nameOf(each)
    try {
      yield { name, bytes: readWhole(each) }
    } catch (error) {
      if (!(error instanceof MbconvError)) throw error
      skip(name, error)
    }
  }
}

/** Resolves a word that is not a file: the images of a folder or pattern, or a missing file. */
async function pathsOf(word: string, skip: Skip): Promise<readonly AnyPath[]> {
  const same = exactly(word)
  const folders = same.filter(isFolder)
  let found: AnyPath[]
  if (folders.length > 0)
    found = folders.flatMap((folder) => walk(folder, isImage, (file, error) => skip(nameOf(file), asData(error))))
  // A missing file is reported later, like one that cannot be read.
  else if (same.length > 0 || !isDynamicPattern(word)) return same.length > 0 ? same : [word]
  else found = await matches(word)
  if (found.length === 0) {
    const hint = `Folders are searched for ${ENDINGS.join(', ')} files.`
    skip(word, new MbconvError('ERR_DATA', `${word}: no image there`, { hint }))
  }
  // Sorts by name, numbers by value: 2.png comes before 10.png.
  const order = new Intl.Collator('en', { numeric: true }).compare
  return found.sort((a, b) => order(textOf(a), textOf(b)))
}

/**
 * The files that match a pattern. The longest beginning that names an existing folder is taken literally, whatever
 * characters it contains: `photos [1]/*.png`. In the rest, parentheses without alternatives are literal, as in shells.
 */
async function matches(pattern: string): Promise<AnyPath[]> {
  const parts = pattern.split('/')
  let literal = parts.length - 1
  while (literal > 0 && !isFolder(parts.slice(0, literal).join('/') || '/')) literal--
  const folder = literal === 0 ? '' : parts.slice(0, literal).join('/') || '/'
  const rest = parts.slice(literal).join('/')
  const plain = rest.replace(/(^|[^\\!?*+@])\(([^()|]*)\)/g, '$1\\($2\\)')
  const names = new Set(await glob(plain, { cwd: folder === '' ? '.' : folder }))
  return [...names].flatMap((name) => {
    const file = path.join(folder, name)
    const same = exactly(file)
    return same.length > 0 ? same : [file]
  })
}
