/**
 * Folders of images with a folder for each class.
 *
 * Links are followed if they lead to something below the folder. A link that leads out of it is left out, so that a data
 * set does not take in files that its owner did not put there. Names that begin with a dot are left out too.
 */
import { dataError } from '../../files/data-file'
import { type Entry, entriesOf, entryAt, isBelow, joined, pathOfBytes, realPath } from '../../files/entries'
import { nameOf } from '../../text/foreign-text'
import { ClassNames } from './class-names'
import { beginsLikeImage, extensionOf, IMAGE_EXTENSIONS } from './image-names'
import type { Row } from './image-table'
import { emptyClassesNote, LeftOut } from './left-out'

/** What was found in a folder besides its images. */
export interface ClassFolders {
  /** In the order of their bytes. */
  classes: string[]
  notes: string[]
}

/** Shows a byte string to people. */
export const shownName = (name: string): string => nameOf(pathOfBytes(name))

/** A folder that is being searched: which links may be followed, and what was left out. */
export class Search {
  readonly #homes: string[]

  /**
   * @param homes byte strings: folders that links may lead into
   * @param left receives what is left out
   */
  constructor(
    homes: readonly string[],
    readonly left = new LeftOut(),
  ) {
    this.#homes = homes.map(realPath)
  }

  /** The entries that count as files and folders. The others are counted as left out. */
  *entries(folder: string, relative: string): Generator<Entry, void, undefined> {
    for (const entry of entriesOf(folder)) {
      const name = joined(relative, entry.name)
      if (entry.kind === 'broken link') this.left.add('broken', shownName(name))
      else if (entry.target !== undefined && !this.#homes.some((home) => isBelow(entry.target!, home)))
        this.left.add('outside', shownName(name))
      else if (entry.kind === 'other') this.left.add('special', shownName(name))
      else yield entry
    }
  }

  isImage(folder: string, { name }: Entry): boolean {
    const extension = extensionOf(name)
    return extension === undefined ? beginsLikeImage(joined(folder, name)) : IMAGE_EXTENSIONS.has(extension)
  }

  /**
   * The image files below a folder: those of a folder before those of the folders in it, each in the order of their
   * bytes. A folder that is reached twice is searched once, so circles of links end.
   *
   * @param folder a byte string, as is `relative`, the beginning of the names
   */
  *images(
    folder: string,
    relative: string,
    seen: Set<string> = new Set(),
  ): Generator<{ name: string; bytes: number }, void, undefined> {
    const folders: Entry[] = []
    for (const entry of this.entries(folder, relative)) {
      const name = joined(relative, entry.name)
      if (entry.kind === 'folder') {
        // What such a link leads to is of other classes, too.
        if (entry.target !== undefined && isBelow(realPath(folder), entry.target))
          this.left.add('circle', shownName(name))
        else folders.push(entry)
      } else if (this.isImage(folder, entry)) yield { name, bytes: entry.bytes }
      else this.left.add('other', shownName(name))
    }
    for (const { name, identity } of folders) {
      if (seen.has(identity)) continue
      seen.add(identity)
      yield* this.images(joined(folder, name), joined(relative, name), seen)
    }
  }
}

/**
 * Reads a folder that has a folder for each class, with images at any depth.
 *
 * @param folder a byte string, as are `homes`, the folders that links may lead into
 * @param add receives each image in the order of classes; labels are the numbers of the classes
 * @throws MbconvError ERR_DATA if it is no folder or has no classes; ERR_IO if something in it cannot be read
 */
export function readClassFolders(
  folder: string,
  { homes = [folder], add }: { homes?: readonly string[]; add: (row: Row) => void },
): ClassFolders {
  const path = pathOfBytes(folder)
  const where = nameOf(path)
  const kind = entryAt(folder)?.kind
  if (kind !== 'folder')
    throw dataError(path, kind === undefined ? 'no such folder' : 'is not a folder', 'Check the path.')
  const search = new Search(homes)
  const names = new ClassNames(where)
  // Two spellings of one name are one class, so a class may have several folders.
  const foldersOf: Entry[][] = []
  for (const entry of search.entries(folder, '')) {
    if (entry.kind === 'folder') {
      const number = names.number(shownName(entry.name))
      foldersOf[number] = [...(foldersOf[number] ?? []), entry]
    } else if (search.isImage(folder, entry)) search.left.add('loose', shownName(entry.name))
  }
  const inOrder = [...foldersOf].sort((a, b) => (textOfClass(a) < textOfClass(b) ? -1 : 1))
  const classes: string[] = []
  const [empty, twofold]: [string[], string[]] = [[], []]
  for (const folders of inOrder) {
    const name = shownName(folders[0].name).normalize('NFC')
    const label = classes.length
    let images = 0
    for (const entry of folders) {
      const seen = new Set([entry.identity])
      for (const image of search.images(joined(folder, entry.name), entry.name, seen)) {
        add({ ...image, label })
        images++
      }
    }
    if (folders.length > 1) twofold.push(name)
    if (images === 0) empty.push(name)
    else classes.push(name)
  }
  if (classes.length === 0) {
    const hint = 'Each class needs a folder with its images: photos/cat/1.jpg, photos/dog/2.jpg.'
    throw dataError(path, 'has no class folders with images', hint)
  }
  const notes = [...search.left.notes(where), ...emptyClassesNote(where, empty)]
  for (const name of twofold)
    notes.push(`${where}: the class ${name} has several folders, whose names are spellings of the same text`)
  return { classes, notes }
}

/** Orders classes: the bytes of the name in its normal form. */
const textOfClass = ([{ name }]: Entry[]): string => Buffer.from(shownName(name).normalize('NFC')).toString('latin1')
