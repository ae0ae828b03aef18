/**
 * Fetching a file over HTTP: in a part beside the target, going on where an earlier attempt stopped, compared with its
 * SHA-256, and published in one step once it is whole.
 *
 * Sources: RFC 9110, sections 13.1.5 (If-Range), 14 (ranges), 10.2.3 (Retry-After).
 */
import { createHash, randomUUID } from 'node:crypto'
import {
  closeSync,
  constants,
  createReadStream,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readFileSync,
  renameSync,
  statfsSync,
  writeSync,
} from 'node:fs'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { MbconvError } from '../errors'
import { fsyncDirectory, ioError, unlinkIfThere, writeFileAtomic } from './atomic'
import { lockPath, unlockPath } from './lock'

export interface DownloadProgress {
  url: string
  /** Bytes that are here. */
  bytes: number
  /** Of the whole file, where the server tells. */
  total?: number
}

export interface DownloadOptions {
  /** SHA-256 in hexadecimal, or its beginning. */
  sha256?: string
  /** Looks at the whole file before it is published, and throws if it is not what it should be. */
  check?: (part: string) => void
  onProgress?: (progress: DownloadProgress) => void
  onNote?: (text: string) => void
  signal?: AbortSignal
  retries?: number
  timeout?: number
}

export interface Download {
  bytes: number
  sha256: string
  /** The server told the SHA-256, and it was compared. */
  announced: boolean
}

/** What is known of a part: which file it is the beginning of. */
interface PartRecord {
  url: string
  /** The server's name for this version of the file. */
  version?: string
  total?: number
  sha256?: string
}

const MOST_REDIRECTS = 5
const LONGEST_WAIT_MS = 60_000
/** Room to leave on a disk. */
const SPARE_BYTES = 16 * 2 ** 20
/** Nobody answers, or nobody is there: waiting a second will not help. */
const OFFLINE = /^(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ENETUNREACH|EHOSTUNREACH|ENETDOWN|.*CERT.*|.*SELF_SIGNED.*)$/

/** A failure that another attempt may not meet. */
class Passing extends Error {
  /** What the server asks to wait, ms. */
  readonly wait?: number

  constructor(message: string, wait?: number) {
    super(message)
    this.wait = wait
  }
}

/**
 * Fetches `url` into the file `target`, whose folder exists. `target.part` holds what came so far, `target.part.json` what
 * it is the beginning of; both stay after a failure, so that the next call goes on.
 *
 * @throws MbconvError ERR_NETWORK, ERR_FORMAT for another SHA-256 or what `check` refuses (the part is removed then), ERR_IO
 *   for a disk that is full or another process at it, ERR_ABORTED
 */
export async function download(url: string, target: string, options: DownloadOptions = {}): Promise<Download> {
  const [lock, token] = [`${target}.lock`, randomUUID()]
  // Two at once would write into the same part.
  lockPath(lock, target, token)
  try {
    const part = new Part(target)
    try {
      await fetchAll(url, part, options)
      part.sync()
    } catch (error) {
      if (part.bytes === 0) part.remove()
      throw error
    } finally {
      part.close()
    }
    const { sha256, bytes } = await sha256Of(part.path)
    const announced = part.record.sha256
    for (const expected of [options.sha256, announced]) {
      if (expected === undefined || sha256.startsWith(expected)) continue
      part.remove()
      throw new MbconvError(
        'ERR_FORMAT',
        `${url}: the file that came has SHA-256 ${sha256}, it should be ${expected}`,
        {
          op: 'download',
          hint: 'It was removed. Pull again; if it comes out so again, what the server has is not what was published.',
        },
      )
    }
    try {
      options.check?.(part.path)
    } catch (error) {
      part.remove()
      throw error
    }
    renameSync(part.path, target)
    fsyncDirectory(path.dirname(target))
    part.remove()
    return { bytes, sha256, announced: announced !== undefined }
  } catch (error) {
    throw (error as NodeJS.ErrnoException).syscall === undefined ? error : ioError('write', target, error)
  } finally {
    unlockPath(lock, token)
  }
}

/** Attempt after attempt, until the part is whole. */
async function fetchAll(url: string, part: Part, options: DownloadOptions): Promise<void> {
  const { retries = 5, onNote, signal } = options
  for (let failures = 0; ; ) {
    const before = part.bytes
    try {
      if (await attempt(url, part, options)) return
    } catch (error) {
      if (signal?.aborted) {
        throw new MbconvError('ERR_ABORTED', `${url}: stopped; what came is kept`, { op: 'download' })
      }
      if (!(error instanceof Passing)) throw error
      failures = part.bytes > before ? 1 : failures + 1
      if (failures > retries) throw network(url, error.message)
      const wait = Math.min(error.wait ?? 500 * 2 ** (failures - 1), LONGEST_WAIT_MS)
      onNote?.(`${error.message}; trying again in ${(wait / 1000).toFixed(1)} s`)
      await sleep(wait, undefined, { signal }).catch(() => {})
    }
  }
}

/** @returns whether the part is whole now; false to begin anew at once */
async function attempt(url: string, part: Part, options: DownloadOptions): Promise<boolean> {
  const { signal, timeout = 30_000, onProgress } = options
  // One controller for the caller's signal and for a server that has gone silent.
  const controller = new AbortController()
  const stop = () => controller.abort()
  signal?.addEventListener('abort', stop, { once: true })
  if (signal?.aborted) stop()
  let timer = setTimeout(stop, timeout)
  const alive = () => {
    clearTimeout(timer)
    timer = setTimeout(stop, timeout)
  }
  try {
    const resumes = part.bytes > 0 && part.record.url === url && part.record.version !== undefined
    if (!resumes) part.clear()
    const headers: Record<string, string> = { 'accept-encoding': 'identity' }
    if (resumes) Object.assign(headers, { range: `bytes=${part.bytes}-`, 'if-range': part.record.version as string })
    const { response, sha256 } = await follow(url, headers, controller.signal)
    alive()
    const { status, body } = response
    if (status === 416) {
      // Nothing is behind what is here: it is whole, or it was never a beginning of this file.
      await body?.cancel()
      const total = Number(/^bytes \*\/(\d+)$/.exec(response.headers.get('content-range') ?? '')?.[1] ?? Number.NaN)
      if (resumes && total === part.bytes) return true
      if (!resumes) throw network(url, 'the server refuses the whole file (HTTP 416)')
      part.clear()
      return false
    }
    if (status === 408 || status === 429 || status >= 500) {
      await body?.cancel()
      throw new Passing(`the server says HTTP ${status}`, retryAfter(response))
    }
    if (status !== 200 && status !== 206) {
      await body?.cancel()
      throw network(url, `the server says HTTP ${status}`)
    }
    const range = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(response.headers.get('content-range') ?? '')
    if (status === 206 && (!resumes || Number(range?.[1]) !== part.bytes)) {
      await body?.cancel()
      part.clear()
      throw new Passing('the server sent another part of the file than was asked for')
    }
    // All of it: the server knows no ranges, or has another file now.
    if (status === 200) part.clear()
    const length = Number(response.headers.get('content-length') ?? Number.NaN)
    const total = status === 206 ? Number(range?.[2]) : length
    part.describe({ url, version: versionOf(response), total: Number.isNaN(total) ? undefined : total, sha256 })
    checkRoom(part, total)
    onProgress?.({ url, bytes: part.bytes, total: part.record.total })
    for await (const chunk of body ?? []) {
      alive()
      part.append(chunk as Uint8Array)
      onProgress?.({ url, bytes: part.bytes, total: part.record.total })
    }
    if (part.bytes < total) throw new Passing(`the connection ended at byte ${part.bytes} of ${total}`)
    if (part.bytes > total) {
      part.clear()
      throw new Passing(`more than the ${total} bytes came that were announced`)
    }
    return true
  } catch (error) {
    if (controller.signal.aborted && !signal?.aborted) throw new Passing(`no answer for ${timeout / 1000} s`)
    throw asPassing(url, error)
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', stop)
    controller.abort() // ends a body that nobody has read
  }
}

/** Follows redirections, on which hubs tell the SHA-256 of what they lead to. Never from https to http. */
async function follow(url: string, headers: Record<string, string>, signal: AbortSignal) {
  let here = new URL(url)
  let sha256: string | undefined
  for (let hops = 0; hops <= MOST_REDIRECTS; hops++) {
    const response = await fetch(here, { headers, signal, redirect: 'manual' })
    // The hub's entity tag of a large file is its SHA-256; only what the asked server itself says counts.
    const linked = response.headers.get('x-linked-etag')?.replace(/^(W\/)?"|"$/g, '')
    if (hops === 0 && linked !== undefined && /^[0-9a-f]{64}$/.test(linked)) sha256 = linked
    const location = response.headers.get('location')
    if (![301, 302, 303, 307, 308].includes(response.status) || location === null) return { response, sha256 }
    await response.body?.cancel()
    const next = new URL(location, here)
    if (next.protocol !== 'https:' && next.protocol !== here.protocol) {
      throw network(url, `the server redirects to ${next.protocol}//`)
    }
    here = next
  }
  throw network(url, `the server redirects more than ${MOST_REDIRECTS} times`)
}

/** A strong entity tag, else a date; a weak tag does not tell bytes apart. */
function versionOf({ headers }: Response): string | undefined {
  const tag = headers.get('etag')
  return tag?.startsWith('"') ? tag : (headers.get('last-modified') ?? undefined)
}

function retryAfter({ headers }: Response): number | undefined {
  const seconds = Number(headers.get('retry-after') ?? Number.NaN)
  return seconds >= 0 ? seconds * 1000 : undefined
}

function network(url: string, problem: string): MbconvError {
  return new MbconvError('ERR_NETWORK', `${url}: ${problem}`, { op: 'download' })
}

/** What fetch throws, as what it is. */
function asPassing(url: string, error: unknown): unknown {
  if (error instanceof MbconvError || error instanceof Passing) return error
  if ((error as NodeJS.ErrnoException).syscall === 'write') return error // the disk
  const cause = (error as Error).cause as NodeJS.ErrnoException | undefined
  // Of several addresses of one name, each has its error.
  const causes = [cause, ...((cause as AggregateError | undefined)?.errors ?? [])] as (
    | NodeJS.ErrnoException
    | undefined
  )[]
  const code = causes.find((each) => each?.code !== undefined)?.code
  const problem =
    code === undefined ? (cause?.message ?? (error as Error).message) : `${cause?.message || code} (${code})`
  if (code !== undefined && OFFLINE.test(code)) {
    return network(url, `the server cannot be reached: ${problem}`)
  }
  return new Passing(`the connection failed: ${problem}`)
}

function checkRoom(part: Part, total: number): void {
  if (Number.isNaN(total)) return
  const { bavail, bsize } = statfsSync(path.dirname(part.path))
  const [needed, free] = [total - part.bytes + SPARE_BYTES, bavail * bsize]
  if (needed <= free) return
  const text = `no space for ${part.path}: ${(needed / 1e6).toFixed(0)} MB are needed, ${(free / 1e6).toFixed(0)} MB are free`
  throw new MbconvError('ERR_IO', text, { op: 'download', hint: 'MBCONV_CACHE names a folder on another disk.' })
}

/** What has come so far, in a file. */
class Part {
  readonly path: string
  bytes: number
  record: PartRecord
  readonly #file: number
  readonly #recordPath: string

  constructor(target: string) {
    this.path = `${target}.part`
    this.#recordPath = `${this.path}.json`
    // Not through a link that someone has laid there.
    const { O_RDWR, O_CREAT, O_NOFOLLOW = 0 } = constants
    this.#file = openSync(this.path, O_RDWR | O_CREAT | O_NOFOLLOW, 0o644)
    this.bytes = fstatSync(this.#file).size
    try {
      this.record = JSON.parse(readFileSync(this.#recordPath, 'utf8')) as PartRecord
    } catch {
      this.record = { url: '' }
    }
  }

  describe(record: PartRecord): void {
    this.record = record
    writeFileAtomic(this.#recordPath, JSON.stringify(record))
  }

  append(bytes: Uint8Array): void {
    for (let done = 0; done < bytes.byteLength; ) {
      const written = writeSync(this.#file, bytes, done, bytes.byteLength - done, this.bytes)
      done += written
      this.bytes += written
    }
  }

  clear(): void {
    ftruncateSync(this.#file, 0)
    this.bytes = 0
    this.record = { url: '' }
  }

  sync(): void {
    fsyncSync(this.#file)
  }

  close(): void {
    closeSync(this.#file)
  }

  remove(): void {
    unlinkIfThere(this.path)
    unlinkIfThere(this.#recordPath)
  }
}

/** Digest and size of a file, read piece by piece. */
export async function sha256Of(file: string): Promise<{ sha256: string; bytes: number }> {
  const hash = createHash('sha256')
  let bytes = 0
  try {
    for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20 })) {
      hash.update(chunk as Buffer)
      bytes += (chunk as Buffer).byteLength
    }
  } catch (error) {
    throw ioError('read', file, error)
  }
  return { sha256: hash.digest('hex'), bytes }
}
