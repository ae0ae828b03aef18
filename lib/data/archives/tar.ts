/** A tar archive in a file. Its members are found by the headers alone: their content is not read. */
import { dataError } from '../../files/data-file'
import { reasonOf } from '../../files/io-error'
import { FileWindow } from '../../files/window'
import { damaged, ENDS_EARLY, type TarMember, walkTar } from './tar-walk'

export type { TarMember } from './tar-walk'

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

  /** Bytes of the archive. They are valid until the next call. */
  read(offset: number, length: number): Buffer {
    const bytes = this.#file.at(offset, length)
    if (bytes.length < length) throw damaged(this.path, ENDS_EARLY)
    return bytes
  }

  /**
   * The regular files in it, in order. The content of a small member may be read at once, without another access to the
   * disk.
   *
   * @throws MbconvError ERR_DATA as {@link walkTar}
   */
  *members(): Generator<TarMember, void, undefined> {
    const walk = walkTar(this.path, this.bytes)
    for (let step = walk.next(); !step.done; ) {
      const { value } = step
      if ('name' in value) {
        yield value
        step = walk.next()
      } else step = walk.next(this.read(value.offset, value.length))
    }
  }
}
