/**
 * What lies in a folder, one entry at a time, whatever bytes the names are made of.
 *
 * Names are *byte strings*: one character for each byte (Latin-1). They keep names that are not UTF-8, sort in the order
 * of the bytes, and take one byte a character in memory.
 */
import { lstatSync, readdirSync, realpathSync, type Stats } from 'node:fs'
import { sep } from 'node:path'
import { NOTHING_THERE, statOf } from './folders'
import { ioError } from './io-error'
import { type AnyPath, pathOf } from './names'

export interface Entry {
  /** A byte string. */
  name: string
  /** What it is, or what the link leads to. */
  kind: 'file' | 'folder' | 'other' | 'broken link'
  /** Size of a file. */
  bytes: number
  /** Identifies the file or folder, under any name. */
  identity: string
  /** Only of links: the byte string of the path they lead to, without links. */
  target?: string
}

/** The text or path as a byte string. */
export const byteString = (path: AnyPath): string =>
  typeof path === 'string' ? Buffer.from(path).toString('latin1') : path.toString('latin1')

/** The path that a byte string stands for: text, or bytes if it is not UTF-8. */
export const pathOfBytes = (bytes: string): AnyPath => pathOf(Buffer.from(bytes, 'latin1'))

/** Joins two byte strings to a path. */
export const joined = (folder: string, name: string): string => {
  if (folder === '' || name === '') return folder + name
  return folder.endsWith(sep) ? folder + name : folder + sep + name
}

/**
 * The path of a file or folder without links, as a byte string.
 *
 * @throws MbconvError ERR_IO
 */
export function realPath(path: string): string {
  try {
    return realpathSync.native(Buffer.from(path, 'latin1'), { encoding: 'buffer' }).toString('latin1')
  } catch (error) {
    throw ioError('look at', pathOfBytes(path), error)
  }
}

/** Whether a path without links is a folder or lies below it. Both are byte strings. */
export const isBelow = (path: string, folder: string): boolean =>
  path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep)

/**
 * The entries of a folder in the order of their bytes, without those whose names begin with a dot. An entry that
 * disappears meanwhile is left out.
 *
 * @param folder a byte string
 * @throws MbconvError ERR_IO if the folder or an entry cannot be looked at
 */
export function* entriesOf(folder: string): Generator<Entry, void, undefined> {
  let names: string[]
  try {
    names = readdirSync(folder === '' ? '.' : Buffer.from(folder, 'latin1'), 'latin1')
  } catch (error) {
    throw ioError('read', pathOfBytes(folder), error)
  }
  // Byte strings contain no code above 255, so the default order is that of the bytes.
  names.sort()
  for (const name of names) {
    if (name.startsWith('.')) continue
    const entry = entryAt(joined(folder, name), name)
    if (entry !== undefined) yield entry
  }
}

/**
 * What lies at a path; undefined if nothing does.
 *
 * @param path a byte string
 * @throws MbconvError ERR_IO if that cannot be found out
 */
export function entryAt(path: string, name = path): Entry | undefined {
  const bytes = Buffer.from(path, 'latin1')
  let stat: Stats | undefined
  try {
    stat = lstatSync(bytes, { throwIfNoEntry: false })
  } catch (error) {
    if (NOTHING_THERE.includes((error as NodeJS.ErrnoException).code ?? '')) return undefined
    throw ioError('look at', pathOfBytes(path), error)
  }
  if (stat === undefined) return undefined
  if (!stat.isSymbolicLink()) return { name, ...factsOf(stat) }
  // A link may lead nowhere, in a circle, or where nobody may look.
  let there: Stats | undefined
  try {
    there = statOf(bytes)
  } catch {
    there = undefined
  }
  if (there === undefined) return { name, kind: 'broken link', bytes: 0, identity: '' }
  return { name, ...factsOf(there), target: realPath(path) }
}

function factsOf(stat: Stats): Pick<Entry, 'kind' | 'bytes' | 'identity'> {
  const kind = stat.isFile() ? 'file' : stat.isDirectory() ? 'folder' : 'other'
  return { kind, bytes: stat.size, identity: `${stat.dev}:${stat.ino}` }
}
