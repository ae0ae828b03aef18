/**
 * File names whose bytes may not be UTF-8. Linux allows any bytes. Node shows invalid ones as `�`, and a path with `�`
 * in it opens no file. So this module keeps such names as bytes.
 */
import { isUtf8 } from 'node:buffer'
import { existsSync, readdirSync } from 'node:fs'
import { sep } from 'node:path'
import type { MbconvError } from '../errors/error'
import { statOf } from './folders'
import { ioError } from './io-error'

/** A path as text, or as bytes if it is not UTF-8. */
export type AnyPath = string | Buffer

const SLASH = Buffer.from(sep)
const DOT = '.'.charCodeAt(0)

/** The path as text if its bytes are UTF-8. */
export const pathOf = (bytes: Buffer): AnyPath => (isUtf8(bytes) ? bytes.toString('utf8') : bytes)

/** The path as Node shows it, with `�` for each byte that is not UTF-8; for comparisons. */
export const textOf = (path: AnyPath): string => (typeof path === 'string' ? path : path.toString('utf8'))

function namesIn(folder: Buffer): Buffer[] {
  try {
    return readdirSync(folder, { encoding: 'buffer' })
  } catch (error) {
    throw ioError('read', folder, error)
  }
}

const within = (folder: Buffer, name: Buffer): Buffer => {
  if (folder.length === 0) return name
  return Buffer.concat(folder.at(-1) === SLASH[0] ? [folder, name] : [folder, SLASH, name])
}

/**
 * The existing paths that Node shows as `text`: the path itself, or paths with other bytes in place of `�`.
 *
 * @throws MbconvError ERR_IO for a folder that cannot be read
 */
export function exactly(text: string): AnyPath[] {
  if (existsSync(text)) return [text]
  if (!text.includes('\ufffd')) return []
  let found: Buffer[] = [Buffer.from(text.startsWith(sep) ? sep : '')]
  for (const part of text.split(sep).filter((each) => each !== '')) {
    found = found.flatMap((folder) => {
      if (!part.includes('\ufffd')) return [within(folder, Buffer.from(part))]
      const here = folder.length === 0 ? Buffer.from('.') : folder
      if (!statOf(here)?.isDirectory()) return []
      return namesIn(here)
        .filter((name) => name.toString('utf8') === part)
        .map((name) => within(folder, name))
    })
  }
  return found.filter((each) => existsSync(each)).map(pathOf)
}

/**
 * The files below a folder. Links are followed, and names that begin with a dot are left out. A folder that is reached
 * twice is searched once.
 *
 * @param wanted decides by a file's path whether to list it
 * @param unreadable is called with each path that cannot be read
 */
export function walk(
  folder: AnyPath,
  wanted: (path: string) => boolean,
  unreadable: (path: AnyPath, error: MbconvError) => void,
): AnyPath[] {
  const found: AnyPath[] = []
  const seen = new Set<string>()
  const visit = (path: Buffer) => {
    try {
      const stat = statOf(path)
      // Pipes and devices are not images.
      if (stat?.isFile() && wanted(textOf(path))) found.push(pathOf(path))
      if (!stat?.isDirectory() || seen.has(`${stat.dev}:${stat.ino}`)) return
      seen.add(`${stat.dev}:${stat.ino}`)
      const visible = namesIn(path).filter((name) => name[0] !== DOT)
      for (const name of visible) visit(within(path, name))
    } catch (error) {
      unreadable(pathOf(path), ioError('read', path, error))
    }
  }
  visit(Buffer.from(folder))
  return found
}
