/** The parts of a data set: training, validation, test. */
import { listed } from '../../errors/check'
import { MbconvError } from '../../errors/error'
import { dataError } from '../../files/data-file'
import { type Entry, entriesOf, joined, pathOfBytes } from '../../files/entries'
import { nameOf } from '../../text/foreign-text'
import { shownName } from './class-folders'

export const PARTS = ['train', 'validation', 'test'] as const
export type Part = (typeof PARTS)[number]

/** The names of each part, of folders and in lists; upper case counts as lower case. */
const NAMES: Readonly<Record<Part, readonly string[]>> = {
  train: ['train', 'training'],
  validation: ['val', 'valid', 'validation'],
  test: ['test'],
}

/** The part that a word names. */
export function partNamed(word: string): Part | undefined {
  const lower = word.toLowerCase()
  return PARTS.find((part) => NAMES[part].includes(lower))
}

/** All words that name a part, for messages. */
export const PART_WORDS = PARTS.flatMap((part) => NAMES[part])

/** The folders of a data set's parts, as byte strings. */
export interface PartFolders {
  train: string
  validation?: string
  test?: string
  notes: string[]
}

/**
 * Finds the parts of a folder: `train` and beside it `val` or `test`, each with class folders. A folder without them is
 * itself the training part.
 *
 * @param folder a byte string
 * @throws MbconvError ERR_DATA if a part has two folders, or only the training part is missing; ERR_IO
 */
export function partFolders(folder: string): PartFolders {
  const path = pathOfBytes(folder)
  const found = new Map<Part, Entry>()
  const others: string[] = []
  for (const entry of entriesOf(folder)) {
    if (entry.kind !== 'folder') continue
    const part = partNamed(entry.name)
    if (part === undefined) {
      others.push(shownName(entry.name))
      continue
    }
    const twin = found.get(part)
    if (twin !== undefined) {
      const names = `${shownName(twin.name)} and ${shownName(entry.name)}`
      throw dataError(path, `has two folders for the ${part} part: ${names}`, 'Rename one of them.')
    }
    found.set(part, entry)
  }
  const [train, validation, test] = PARTS.map((part) => found.get(part)?.name)
  const isOneOf = validation !== undefined || test !== undefined
  if (train === undefined) {
    // A folder `test` among others is a class.
    if (isOneOf && others.length === 0)
      throw dataError(path, 'has a folder for evaluation but none called train', 'Add the folder train.')
    return { train: folder, notes: [] }
  }
  // A folder `train` among others is a class, unless a validation or test folder is there too.
  const isPart = isOneOf || (others.length === 0 && hasFolders(joined(folder, train)))
  if (!isPart) return { train: folder, notes: [] }
  const where = nameOf(path)
  return {
    train: joined(folder, train),
    ...(validation !== undefined && { validation: joined(folder, validation) }),
    ...(test !== undefined && { test: joined(folder, test) }),
    notes: others.length === 0 ? [] : [`${where}: what lies beside ${train} is left out: ${listed(others)}`],
  }
}

function hasFolders(folder: string): boolean {
  for (const { kind } of entriesOf(folder)) if (kind === 'folder') return true
  return false
}

/**
 * Refuses a part for evaluation whose classes are not those of the training part.
 *
 * @param where names the part, for the error
 * @throws MbconvError ERR_DATA naming the classes
 */
export function checkSameClasses(where: string, train: readonly string[], other: readonly string[]): void {
  const [known, present] = [new Set(train), new Set(other)]
  const missing = train.filter((name) => !present.has(name))
  const unknown = other.filter((name) => !known.has(name))
  if (missing.length + unknown.length === 0) return
  const problems = [
    ...(missing.length > 0 ? [`has no image of ${classNames(missing)}`] : []),
    ...(unknown.length > 0 ? [`has images of ${classNames(unknown)}, which the training images lack`] : []),
  ]
  throw new MbconvError('ERR_DATA', `${where}: ${problems.join('; ')}`, {
    hint: 'Training and evaluation need the same classes.',
  })
}

const classNames = (names: readonly string[]) => `${names.length === 1 ? 'class' : 'classes'} ${listed(names)}`
