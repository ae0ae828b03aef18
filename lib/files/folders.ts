/** Makes, lists and inspects folders, with errors that name them. */
import { type Dirent, mkdirSync, readdirSync, type Stats, statfsSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { MbconvError } from '../errors/error'
import { ioError } from './io-error'

/** Errors of stat() where nothing exists, or can exist, e.g. because a part of the path is a file. */
export const NOTHING_THERE: readonly string[] = ['ENOENT', 'ENOTDIR', 'ENAMETOOLONG']

/**
 * What lies at a path, links followed; undefined if nothing does.
 *
 * @throws MbconvError ERR_IO if that cannot be found out: a folder above that may not be searched, a cycle of links
 */
export function statOf(path: string | Buffer): Stats | undefined {
  try {
    return statSync(path)
  } catch (error) {
    if (NOTHING_THERE.includes((error as NodeJS.ErrnoException).code ?? '')) return undefined
    throw ioError('look at', path, error)
  }
}

/** Whether the path is a folder. @throws MbconvError ERR_IO as {@link statOf} */
export const isFolder = (path: string | Buffer): boolean => statOf(path)?.isDirectory() ?? false

/**
 * Makes a folder and its missing parents. An existing folder is left unchanged.
 *
 * Node's own recursive mkdir never ends if the kernel answers ENOENT to a name in a folder that exists, as it does
 * below /proc. Here every folder is tried once.
 *
 * @throws MbconvError ERR_IO
 */
export function makeFolder(path: string): void {
  const missing: string[] = []
  for (let at = resolve(path); ; at = dirname(at)) {
    const stat = statOf(at)
    if (stat !== undefined) {
      if (stat.isDirectory()) break
      throw new MbconvError('ERR_IO', `cannot create ${path}: ${at} is no folder`, { op: 'makeFolder' })
    }
    missing.push(at)
    if (at === dirname(at)) break
  }
  for (const folder of missing.reverse()) {
    if (makeNewFolder(folder) || isFolder(folder)) continue
    throw new MbconvError('ERR_IO', `cannot create ${path}: ${folder} is a link that leads nowhere`, {
      op: 'makeFolder',
    })
  }
}

/**
 * Makes a folder in an existing one.
 *
 * @returns false when anything has the name already
 * @throws MbconvError ERR_IO
 */
export function makeNewFolder(path: string): boolean {
  try {
    mkdirSync(path)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw ioError('create', path, error)
  }
}

/**
 * The entries of a folder: their names and kinds.
 *
 * @throws MbconvError ERR_IO
 */
export function listFolder(path: string): Dirent[] {
  try {
    return readdirSync(path, { withFileTypes: true })
  } catch (error) {
    throw ioError('read', path, error)
  }
}

/**
 * Bytes that a user may still write to the disk of a folder.
 *
 * @throws MbconvError ERR_IO
 */
export function freeBytes(folder: string): number {
  try {
    const { bavail, bsize } = statfsSync(folder)
    return bavail * bsize
  } catch (error) {
    throw ioError('look at', folder, error)
  }
}
