/** The members of a tar archive, found by its headers alone: their content is not read. */
import type { MbconvError } from '../../errors/error'
import { dataError } from '../../files/data-file'
import { reasonOf } from '../../files/io-error'
import { FileWindow } from '../../files/window'
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

/** First bytes of compressed archives. */
const COMPRESSED: readonly [start: string, name: string, command: string][] = [
  ['\x1f\x8b', 'gzip', 'gunzip'],
  ['BZh', 'bzip2', 'bunzip2'],
  ['\xfd7zXZ', 'xz', 'unxz'],
  ['(\xb5/\xfd', 'Zstandard', 'unzstd'],
]

/** An archive that is open for reading. */
export class TarFile {
  readonly path: string
  /** Size of the archive. */
  readonly bytes: number
  /** When it was changed last, ms. */
  readonly modified: number
  readonly #file: FileWindow

  /** @throws MbconvError ERR_DATA for anything but a regular file, and for a compressed archive */
  constructor(path: string) {
    this.path = path
    try {
      this.#file = new FileWindow(path, 'tar')
    } catch (error) {
      throw dataError(path, reasonOf((error as Error).cause ?? error), 'Check the path.', error)
    }
    this.bytes = this.#file.size
    this.modified = this.#file.modified
    const start = this.#start()
    const packed = COMPRESSED.find(([bytes]) => start.startsWith(bytes))
    if (packed === undefined) return
    this.close()
    const [, name, command] = packed
    throw dataError(
      path,
      `is compressed with ${name}, so its images cannot be read one by one`,
      `Unpack it first: ${command}.`,
    )
  }

  /** The first bytes. */
  #start(): string {
    try {
      return this.#file.at(0, 6).toString('latin1')
    } catch (error) {
      this.close()
      throw error
    }
  }

  close(): void {
    this.#file.close()
  }

  #refuse(problem: string, cause?: unknown): MbconvError {
    return dataError(this.path, problem, HINT, cause)
  }

  /** Bytes of the archive. They are valid until the next call. */
  read(offset: number, length: number): Buffer {
    const bytes = this.#file.at(offset, length)
    if (bytes.length < length) throw this.#refuse('ends early: it was not copied whole')
    return bytes
  }

  /**
   * The regular files in it, in order. The content of a small member may be read at once, without another access to the
   * disk.
   *
   * @throws MbconvError ERR_DATA for a damaged archive, for links, devices and files with holes, and for absurd names
   */
  *members(): Generator<TarMember, void, undefined> {
    try {
      yield* this.#members()
    } catch (error) {
      throw error instanceof BadHeader ? this.#refuse(error.message, error) : error
    }
  }

  *#members(): Generator<TarMember, void, undefined> {
    let extended: Extension = {}
    let zeros = 0
    let count = 0
    for (let at = 0; at < this.bytes; ) {
      const block = this.read(at, BLOCK)
      at += BLOCK
      if (block[0] === 0 && isZero(block)) {
        zeros += BLOCK
        if (zeros > LONGEST_GAP) throw this.#refuse(`has more than ${LONGEST_GAP} bytes of zeros`)
        continue
      }
      zeros = 0
      const header = parseHeader(block)
      const bytes = extended.bytes ?? header.bytes
      const offset = at
      if (bytes > this.bytes - at) throw this.#refuse(`ends early: ${bytes} bytes should follow at ${at}`)
      at += Math.ceil(bytes / BLOCK) * BLOCK
      if ('xgLK'.includes(header.type)) {
        extended = { ...extended, ...this.#extension(header.type, offset, bytes) }
        continue
      }
      const name = extended.name ?? header.name
      extended = {}
      this.#checkName(name)
      const { type } = header
      if (REFUSED[type] !== undefined) throw this.#refuse(`${shown(name)} is ${REFUSED[type]}, no file`)
      // Before POSIX, a folder was a file whose name ends in a slash.
      if (SKIPPED.has(type) || name.endsWith('/')) continue
      if (type !== '0' && type !== '7') throw this.#refuse(`${shown(name)} is of an unknown type, ${quoted(type)}`)
      if (++count > MOST_MEMBERS) throw this.#refuse(`has more than ${MOST_MEMBERS} members`)
      yield { name, offset, bytes }
    }
    if (Object.keys(extended).length > 0) throw this.#refuse('ends early: nothing follows an extended header')
  }

  /** What a header says about the member behind it. */
  #extension(type: string, offset: number, bytes: number): Extension {
    if (bytes > LONGEST_EXTENSION) throw this.#refuse(`has an extended header of ${bytes} bytes`)
    const content = this.read(offset, bytes)
    if (type === 'K') return {} // the long name of a link, which is refused itself
    if (type === 'L') return { name: content.toString('latin1').replace(/\0+$/, '') }
    const records = paxRecords(content)
    const [name, size] = [records.get('path'), records.get('size')]
    if ([...records.keys()].some((key) => key.startsWith('GNU.sparse.')))
      throw this.#refuse(`${shown(name ?? 'a member')} is a file with holes`)
    // A global header is about all members; a name or size of all of them is none.
    if (type === 'g') {
      if (name ?? size) throw this.#refuse('has one name or size for all members')
      return {}
    }
    if (size !== undefined && !/^\d{1,15}$/.test(size)) throw this.#refuse('has a size that is no number')
    return { ...(name !== undefined && { name }), ...(size !== undefined && { bytes: Number(size) }) }
  }

  #checkName(name: string): void {
    if (name === '') throw this.#refuse('has a member without a name')
    if (name.length > LONGEST_NAME) throw this.#refuse(`has a name of ${name.length} bytes`)
    if (name.includes('\0')) throw this.#refuse(`has a name with a zero byte: ${shown(name)}`)
  }
}

interface Extension {
  name?: string
  bytes?: number
}

/** A byte string for a message. */
const shown = (name: string): string => quoted(Buffer.from(name, 'latin1').toString('utf8'))
