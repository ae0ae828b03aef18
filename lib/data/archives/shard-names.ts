/** Expands the names of shards: `train-{000000..000146}.tar`, `{a,b}.tar`, a folder of archives, `train-*.tar`. */
import { MbconvError } from '../../errors/error'
import { dataError } from '../../files/data-file'
import { byteString, entriesOf, entryAt, joined, pathOfBytes } from '../../files/entries'
import { quoted } from '../../text/foreign-text'

/** More shards than this are a mistyped range. */
const MOST = 1_000_000

/**
 * The names that braces stand for, in their order: every number of a range with as many digits as its first, or every
 * word of a list. Several braces give all combinations.
 *
 * @throws MbconvError ERR_CONFIG for braces that are neither, and for too many names
 */
export function expandBraces(pattern: string): string[] {
  // Twenty pairs of words are a million names.
  if (pattern.split('{').length > 21) throw badBraces(pattern, `stands for more than ${MOST} names`)
  const [, before, inside, after] = /^([^{}]*)\{([^{}]*)\}([\s\S]*)$/.exec(pattern) ?? []
  if (inside === undefined) {
    if (/[{}]/.test(pattern)) throw badBraces(pattern)
    return [pattern]
  }
  const rest = expandBraces(after)
  const words = wordsOf(pattern, inside, Math.floor(MOST / rest.length))
  return words.flatMap((word) => rest.map((end) => before + word + end))
}

const badBraces = (pattern: string, problem = 'has braces that are neither {000..146} nor {a,b}') =>
  new MbconvError('ERR_CONFIG', `${quoted(pattern)} ${problem}`, {
    hint: 'Braces hold a range of numbers, or words between commas.',
  })

function wordsOf(pattern: string, inside: string, most: number): string[] {
  const [, first, last] = /^(\d{1,15})\.\.(\d{1,15})$/.exec(inside) ?? []
  if (first === undefined) {
    if (!inside.includes(',')) throw badBraces(pattern)
    const words = inside.split(',')
    if (words.length > most) throw badBraces(pattern, `stands for more than ${MOST} names`)
    return words
  }
  const count = Number(last) - Number(first) + 1
  if (count < 1) throw badBraces(pattern, `has a range that ends before it begins`)
  if (count > most) throw badBraces(pattern, `stands for more than ${MOST} names`)
  return Array.from({ length: count }, (_, i) => String(Number(first) + i).padStart(first.length, '0'))
}

/**
 * The commands that the braces of a command stand for. `${` belongs to the shell.
 *
 * @throws MbconvError as {@link expandBraces}
 */
export function expandCommand(pattern: string): string[] {
  const HELD = '\0'
  const held: string[] = []
  const text = pattern.replace(/\$\{[^{}]*\}/g, (each) => HELD + String(held.push(each) - 1) + HELD)
  const whole = (name: string) => name.replace(/\0(\d+)\0/g, (_, number) => held[Number(number)])
  return expandBraces(text).map(whole)
}

/** How a pattern begins that is a command, as WebDataset writes it. */
export const PIPE = 'pipe:'
export const isPipe = (pattern: string): boolean => pattern.startsWith(PIPE)

/** Whether a pattern is an address, as WebDataset allows. */
export const isRemote = (pattern: string): boolean => /^[a-z][a-z0-9+.-]*:\/\//i.test(pattern)

/** Whether a name is that of a compressed archive. */
export const isCompressed = (name: string): boolean => /\.(tar\.gz|tgz)$/i.test(name)

/**
 * The archives that patterns name, each once, in their order. A folder stands for all .tar, .tar.gz and .tgz files in it; `*` in the last
 * part of a path stands for any characters.
 *
 * @throws MbconvError ERR_CONFIG for wrong braces; ERR_DATA for addresses and for names that no file has
 */
export function shardFiles(patterns: readonly string[]): string[] {
  const files = new Set<string>()
  for (const pattern of patterns) {
    if (isRemote(pattern) || isPipe(pattern))
      throw dataError(pattern, 'is no local file', 'Download the shards first: images are read in any order.')
    for (const name of expandBraces(pattern)) for (const file of filesOf(name)) files.add(file)
  }
  return [...files]
}

function filesOf(name: string): string[] {
  const found = entryAt(byteString(name))
  if (found?.kind === 'folder') return archivesIn(name, name, /\.(tar|tar\.gz|tgz)$/i)
  if (found !== undefined) return [name]
  const [, folder, last] = /^(.*\/|)([^/]*)$/s.exec(name)!
  if (!last.includes('*')) throw dataError(name, 'no such file', 'Check the names of the shards.')
  const text = last.split('*').map((part) => part.replace(/[\\^$.|?+()[\]{}]/g, '\\$&'))
  return archivesIn(name, folder === '' ? '.' : folder, new RegExp(`^${text.join('.*')}$`, 's'), folder)
}

function archivesIn(name: string, folder: string, wanted: RegExp, prefix = folder): string[] {
  if (entryAt(byteString(folder))?.kind !== 'folder')
    throw dataError(name, 'no such file', 'Check the names of the shards.')
  const files: string[] = []
  for (const entry of entriesOf(byteString(folder))) {
    const path = pathOfBytes(joined(byteString(prefix), entry.name))
    // A name that is not text could not be in a configuration either.
    if (entry.kind === 'file' && typeof path === 'string' && wanted.test(path.slice(prefix.length).replace(/^\//, '')))
      files.push(path)
  }
  if (files.length === 0)
    throw dataError(name, 'has no shards', 'Shards are files whose names end in .tar, .tar.gz or .tgz.')
  return files
}
