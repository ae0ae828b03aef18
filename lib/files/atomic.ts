/**
 * Files and folders that are whole or absent, even if the process dies at any moment.
 *
 * The recipe is the usual one: write beside the target, force the bytes to the disk, rename, force the folder's entry
 * to the disk. A rename replaces a file in one step, so a reader sees the old content or the new, never a mixture.
 * Everything here is synchronous: the callers either run in a worker thread or write a few kilobytes.
 */
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { MbconvError } from '../errors/error'
import { ioError } from './io-error'
import { isLeft, isTemporary, siblingOf } from './lock-file.cjs'

/** What may be written: text (as UTF-8), bytes, or pieces that are produced one after another. */
export type FileContent = string | Uint8Array | Iterable<Uint8Array>

/** Writes all of `bytes`: one write() may take only a part of them. */
export function writeFully(fd: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.byteLength; ) done += writeSync(fd, bytes, done, bytes.byteLength - done)
}

/** Forces a folder's entries to the disk. File systems that cannot (EINVAL, EPERM, EISDIR) order renames themselves. */
export function fsyncDirectory(directory: string): void {
  let fd: number
  try {
    fd = openSync(directory, 'r')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EISDIR') return
    throw error
  }
  try {
    fsyncSync(fd)
  } catch (error) {
    if (!['EINVAL', 'EPERM', 'EISDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
  } finally {
    closeSync(fd)
  }
}

function* pieces(content: FileContent): Generator<Uint8Array> {
  if (typeof content === 'string') yield Buffer.from(content, 'utf8')
  else if (content instanceof Uint8Array) yield content
  else yield* content
}

/** Creates a file that must not exist, writes it and forces it to the disk. */
export function writeFileDurable(path: string, content: FileContent): void {
  const fd = openSync(path, 'wx')
  try {
    for (const piece of pieces(content)) writeFully(fd, piece)
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

/** A file that must not exist, written piece by piece. */
export class NewFile {
  readonly #path: string
  #fd: number | undefined

  /**
   * @param name of the file in errors
   * @throws MbconvError ERR_IO
   */
  constructor(path: string, name = path) {
    this.#path = name
    this.#fd = this.#trying(() => openSync(path, 'wx'))
  }

  /** @throws MbconvError ERR_IO */
  write(bytes: Uint8Array): void {
    this.#trying(() => writeFully(this.#fd as number, bytes))
  }

  /** Replaces the beginning, which must have been written. @throws MbconvError ERR_IO */
  replaceHead(bytes: Uint8Array): void {
    this.#trying(() => {
      for (let done = 0; done < bytes.length; )
        done += writeSync(this.#fd as number, bytes, done, bytes.length - done, done)
    })
  }

  /** Forces the file to the disk and closes it. @throws MbconvError ERR_IO */
  finish(): void {
    this.#trying(() => fsyncSync(this.#fd as number))
    this.close()
  }

  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd)
    this.#fd = undefined
  }

  #trying<T>(work: () => T): T {
    try {
      return work()
    } catch (error) {
      throw ioError('write', this.#path, error)
    }
  }
}

/** Removes a temporary file that is no longer needed. A failure is ignored: the earlier error matters more. */
function discard(temp: string): void {
  try {
    rmSync(temp, { recursive: true, force: true })
  } catch {
    // A later writer in that folder removes it.
  }
}

/**
 * A file that is written piece by piece: until {@link commit}, `path` holds its old content. All methods throw
 * MbconvError ERR_IO if something fails. The old content is then untouched, and no temporary file is left.
 */
export class AtomicFile {
  readonly #path: string
  readonly #temp: string
  #file: NewFile | undefined

  /** @throws MbconvError ERR_IO, also if a folder, pipe or device is in its place */
  constructor(path: string) {
    this.#path = path
    this.#temp = siblingOf(path)
    this.#guarded(() => {
      // A rename would replace a device: /dev/null would be gone for every process.
      const there = statSync(path, { throwIfNoEntry: false })
      if (there?.isDirectory()) throw new Error('it is a folder')
      if (there?.isFile() === false) throw new Error('it is not a regular file')
      this.#file = new NewFile(this.#temp, path)
    })
  }

  /** Appends bytes. */
  write(bytes: Uint8Array): void {
    this.#guarded((file) => file.write(bytes))
  }

  /** Replaces the beginning, which must have been written. */
  replaceHead(bytes: Uint8Array): void {
    this.#guarded((file) => file.replaceHead(bytes))
  }

  /** Puts the file in its place. */
  commit(): void {
    this.#guarded((file) => {
      file.finish()
      renameSync(this.#temp, this.#path)
      fsyncDirectory(dirname(this.#path))
      this.#file = undefined
    })
  }

  /** Gives the file up. After {@link commit} nothing happens. */
  discard(): void {
    if (this.#file === undefined) return
    this.#file.close()
    this.#file = undefined
    discard(this.#temp)
  }

  #guarded(work: (file: NewFile) => void): void {
    try {
      work(this.#file as NewFile)
    } catch (error) {
      this.#file?.close()
      this.#file = undefined
      discard(this.#temp)
      throw ioError('write', this.#path, error)
    }
  }
}

/**
 * Writes a file so that `path` holds either its old content or all of `content`.
 *
 * @throws MbconvError ERR_IO, also if a folder, pipe or device is in its place. The old content is then untouched, and
 *   no temporary file is left.
 */
export function writeFileAtomic(path: string, content: FileContent): void {
  const file = new AtomicFile(path)
  try {
    for (const piece of pieces(content)) file.write(piece)
  } catch (error) {
    file.discard()
    throw ioError('write', path, error)
  }
  file.commit()
}

/**
 * A folder that is filled under a temporary name beside its place, and published in one step. Whoever fills it forces
 * its files to the disk.
 */
export class StagedFolder {
  /** The folder to fill. */
  readonly folder: string

  /** @throws MbconvError ERR_IO */
  constructor(readonly path: string) {
    this.folder = siblingOf(path)
    try {
      mkdirSync(this.folder)
    } catch (error) {
      throw ioError('write', path, error)
    }
  }

  /**
   * Gives the folder its name.
   *
   * @param replace whether what is there already is replaced; false: an empty folder only
   * @throws MbconvError ERR_IO
   */
  publish({ replace = true } = {}): void {
    try {
      fsyncDirectory(this.folder)
      if (replace && existsSync(this.path)) removeDirectoryAtomic(this.path)
      renameSync(this.folder, this.path)
      fsyncDirectory(dirname(this.path))
    } catch (error) {
      if (!replace && existsSync(this.path))
        throw new MbconvError('ERR_IO', `cannot write ${this.path}: it exists already`, { cause: error })
      throw ioError('write', this.path, error)
    }
  }

  /** Removes what was written. */
  discard(): void {
    discard(this.folder)
  }
}

/**
 * Publishes a folder in one step: `fill` writes into a temporary folder beside `path`, which is then renamed.
 * `fill` forces its own files to the disk ({@link writeFileDurable}); the folder entries are forced here.
 * A folder already at `path` is replaced. If the process is killed in between, the old folder is gone, so callers
 * replace only folders that are worth less than the new one.
 *
 * @throws MbconvError ERR_IO, or whatever `fill` throws; nothing is left behind then.
 */
export function publishDirectory(path: string, fill: (folder: string) => void): void {
  const staged = new StagedFolder(path)
  try {
    fill(staged.folder)
    staged.publish()
  } catch (error) {
    staged.discard()
    throw (error as NodeJS.ErrnoException).syscall ? ioError('write', path, error) : error
  }
}

/** Removes a folder so that it is never seen half emptied: it is renamed first. */
export function removeDirectoryAtomic(path: string): void {
  const doomed = siblingOf(path, 'old')
  try {
    renameSync(path, doomed)
    rmSync(doomed, { recursive: true, force: true })
  } catch (error) {
    throw ioError('remove', path, error)
  }
}

/**
 * Removes the temporary files that dead writers left in `directory`. Those of living processes stay, and those of other
 * machines, unless `exclusive` says that the caller holds the folder's lock. Then all are stale, even if another process
 * now has the same id.
 *
 * @returns the names removed
 */
export function removeStaleTemporaries(directory: string, { exclusive = false } = {}): string[] {
  const removed: string[] = []
  let names: string[]
  try {
    names = readdirSync(directory)
  } catch (error) {
    throw ioError('read', directory, error)
  }
  for (const name of names) {
    if (!(exclusive ? isTemporary(name) : isLeft(name))) continue
    removeAll(join(directory, name))
    removed.push(name)
  }
  return removed
}

/**
 * Removes a file, or a folder with its content. It may be gone already.
 *
 * @throws MbconvError ERR_IO
 */
export function removeAll(path: string): void {
  try {
    rmSync(path, { recursive: true, force: true })
  } catch (error) {
    throw ioError('remove', path, error)
  }
}

/** Removes a file that may be gone already. */
export function unlinkIfThere(path: string): void {
  try {
    unlinkSync(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw ioError('remove', path, error)
  }
}
