/**
 * Names of files that may be no text. Linux keeps names as bytes; where these are not UTF-8, Node gives text in which `�`
 * stands for what it could not read, and which opens nothing.
 */

import { isUtf8 } from 'node:buffer'
import { existsSync, readdirSync } from 'node:fs'
import { sep } from 'node:path'
import type { MbconvError } from '../errors/error'
import { statOf } from './folders'
import { ioError } from './io-error'

/** Text, or bytes where they are not UTF-8. */
export type AnyPath = string | Buffer

const SLASH = Buffer.from(sep)
const DOT = '.'.charCodeAt(0)

/** Bytes as text if they are text. */
export const pathOf = (bytes: Buffer): AnyPath => (isUtf8(bytes) ? bytes.toString('utf8') : bytes)

/** For comparing: with a `�` for each byte that is not UTF-8. */
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
 * The paths that exist and that Node would give as `text`: itself, or those with bytes in the place of its `�`.
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
 * The files below a folder, links followed, but for names that begin with a dot. A folder that is reached twice is
 * searched once.
 *
 * @param wanted told the path within the folder
 * @param unreadable told of what cannot be looked at
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
      // Pipes and devices are no images.
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
