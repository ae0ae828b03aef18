/**
 * Finds the members of a tar archive. The walk itself reads nothing: it says which bytes it needs, and whoever has the
 * archive, as a file or as a stream, gives them.
 */
import { dataError } from '../../files/data-file'
import { quoted } from '../../text/foreign-text'
import { BadHeader, BLOCK, isZero, LONGEST_NAME, parseHeader, paxRecords } from './tar-header'

export interface TarMember {
  /** A byte string. */
  name: string
  /** Position of its content in the archive. */
  offset: number
  bytes: number
  /** Its content, if that is known already. */
  content?: Buffer
}

/** Bytes that the walk needs before it goes on. */
export interface Needed {
  offset: number
  length: number
}

/** Bytes of the longest extended header, far above that of any name. */
const LONGEST_EXTENSION = 2 ** 20
/** Bytes of zeros after which no member follows. Archives that were joined have a few of them in between. */
const LONGEST_GAP = 2 ** 20
/** Members of one archive. An archive of empty files has one for each 512 bytes. */
const MOST_MEMBERS = 20_000_000

const HINT = 'Shards are plain tar archives, as tar -cf --sort=name or WebDataset write them.'

/** What members are that are no files. */
const REFUSED: Readonly<Record<string, string>> = {
  '1': 'a link to another member',
  '2': 'a symbolic link',
  '3': 'a device',
  '4': 'a device',
  '6': 'a pipe',
  M: 'the rest of a file from another archive',
  S: 'a file with holes',
}
/** Types that hold nothing of interest: a folder, a list of names, the archive's own name. */
const SKIPPED = new Set(['5', 'D', 'V'])

/**
 * The regular files of an archive, in order, and between them the bytes that finding them takes.
 *
 * @param size of the archive, bytes; default: unknown. The answer to a need may be shorter at the end of such an archive.
 * @throws MbconvError ERR_DATA for a damaged archive, for links, devices and files with holes, and for absurd names
 */
export function* walkTar(path: string, size = Number.POSITIVE_INFINITY): Generator<Needed | TarMember, void, Buffer> {
  try {
    yield* walk(path, size)
  } catch (error) {
    throw error instanceof BadHeader ? damaged(path, error.message, error) : error
  }
}

/** The error for an archive that is not as it should be. */
export const damaged = (path: string, problem: string, cause?: unknown) => dataError(path, problem, HINT, cause)

export const ENDS_EARLY = 'ends early: it was not copied whole'

function* walk(path: string, size: number): Generator<Needed | TarMember, void, Buffer> {
  const refuse = (problem: string) => damaged(path, problem)
  let extended: Extension = {}
  let zeros = 0
  let count = 0
  for (let at = 0; at < size; ) {
    const block = yield { offset: at, length: BLOCK }
    if (block.length === 0) break
    if (block.length < BLOCK) throw refuse(ENDS_EARLY)
    at += BLOCK
    if (block[0] === 0 && isZero(block)) {
      zeros += BLOCK
      if (zeros > LONGEST_GAP) throw refuse(`has more than ${LONGEST_GAP} bytes of zeros`)
      continue
    }
    zeros = 0
    const header = parseHeader(block)
    const bytes = extended.bytes ?? header.bytes
    const offset = at
    if (bytes > size - at) throw refuse(`ends early: ${bytes} bytes should follow at ${at}`)
    at += Math.ceil(bytes / BLOCK) * BLOCK
    if ('xgLK'.includes(header.type)) {
      if (bytes > LONGEST_EXTENSION) throw refuse(`has an extended header of ${bytes} bytes`)
      const content = yield { offset, length: bytes }
      if (content.length < bytes) throw refuse(ENDS_EARLY)
      extended = { ...extended, ...extensionOf(path, header.type, content) }
      continue
    }
    const name = extended.name ?? header.name
    extended = {}
    checkName(path, name)
    const { type } = header
    if (REFUSED[type] !== undefined) throw refuse(`${shown(name)} is ${REFUSED[type]}, no file`)
    // Before POSIX, a folder was a file whose name ends in a slash.
    if (SKIPPED.has(type) || name.endsWith('/')) continue
    if (type !== '0' && type !== '7') throw refuse(`${shown(name)} is of an unknown type, ${quoted(type)}`)
    if (++count > MOST_MEMBERS) throw refuse(`has more than ${MOST_MEMBERS} members`)
    yield { name, offset, bytes }
  }
  if (Object.keys(extended).length > 0) throw refuse('ends early: nothing follows an extended header')
}

interface Extension {
  name?: string
  bytes?: number
}

/** What a header says about the member behind it. */
function extensionOf(path: string, type: string, content: Buffer): Extension {
  if (type === 'K') return {} // the long name of a link, which is refused itself
  if (type === 'L') return { name: content.toString('latin1').replace(/\0+$/, '') }
  const records = paxRecords(content)
  const [name, size] = [records.get('path'), records.get('size')]
  if ([...records.keys()].some((key) => key.startsWith('GNU.sparse.')))
    throw damaged(path, `${shown(name ?? 'a member')} is a file with holes`)
  // A global header is about all members; a name or size of all of them is none.
  if (type === 'g') {
    if (name ?? size) throw damaged(path, 'has one name or size for all members')
    return {}
  }
  if (size !== undefined && !/^\d{1,15}$/.test(size)) throw damaged(path, 'has a size that is no number')
  return { ...(name !== undefined && { name }), ...(size !== undefined && { bytes: Number(size) }) }
}

function checkName(path: string, name: string): void {
  if (name === '') throw damaged(path, 'has a member without a name')
  if (name.length > LONGEST_NAME) throw damaged(path, `has a name of ${name.length} bytes`)
  if (name.includes('\0')) throw damaged(path, `has a name with a zero byte: ${shown(name)}`)
}

/** A byte string for a message. */
const shown = (name: string): string => quoted(Buffer.from(name, 'latin1').toString('utf8'))
