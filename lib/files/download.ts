/**
 * Fetches a file over HTTP into a part beside the target. Resumes where an earlier attempt stopped, compares the
 * SHA-256, and publishes the file in one step once it is whole.
 *
 * Sources: RFC 9110, sections 13.1.5 (If-Range), 14 (ranges), 15.3.7 (206 responses), 10.2.3 (Retry-After).
 */
import { createHash, randomUUID } from 'node:crypto'
import { createReadStream, renameSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Response } from 'undici'
import { MbconvError } from '../errors/error'
import { fsyncDirectory } from './atomic'
import { ioError } from './io-error'
import { lockPath, unlockPath } from './lock'
import { Part, type PartRecord } from './part'
import { type Address, addressOf, failureOf, network, Web } from './web'

/** How far a download is. */
export interface DownloadProgress {
  /** The address that the file comes from. */
  url: string
  /** Bytes that have arrived. */
  bytes: number
  /** Size of the whole file, if the server reports it. */
  total?: number
}

export interface DownloadOptions {
  /** SHA-256 in hexadecimal, or its beginning. */
  sha256?: string
  /** Checks the whole file before it is published, and throws if the file is wrong. */
  check?: (part: string) => void
  onProgress?: (progress: DownloadProgress) => void
  onNote?: (text: string) => void
  signal?: AbortSignal
  /** Retries after attempts that bring next to nothing. Default 5. */
  retries?: number
  /** An attempt is given up if it brings fewer than `leastBytes` in this time, ms. Default 30,000. */
  timeout?: number
  /** Default 16,384. */
  leastBytes?: number
  /** A larger file is refused. Default 8 GiB. */
  maxBytes?: number
}

export interface Download {
  bytes: number
  sha256: string
  /** Whether the server announced a SHA-256, which was compared. */
  announced: boolean
}

const LONGEST_WAIT_MS = 60_000
const LEAST_BYTES = 16_384
/** If the total size is unknown, the free disk space is checked after every so many bytes. */
const LOOK_EVERY = 64 * 2 ** 20

/** A failure that may not occur again at the next attempt. */
class Passing extends Error {
  /** Time that the server asks to wait, ms. */
  readonly wait?: number

  constructor(message: string, wait?: number) {
    super(message)
    this.wait = wait
  }
}

/**
 * Fetches `url` into the file `target`, whose folder exists. `target.part` holds the bytes that have arrived,
 * `target.part.json` describes their source. Both are kept after a failure, so that the next call resumes, unless they
 * have filled the disk.
 *
 * @param url may hold a user's name and password, which are sent to that server only
 * @throws MbconvError ERR_VALUE for an invalid address; ERR_NETWORK; ERR_FORMAT for another SHA-256 or a file that
 *   `check` refuses (the part is removed then); ERR_IO for a full disk, or if another process downloads it;
 *   ERR_ABORTED; ERR_ENVIRONMENT
 */
export async function download(url: string, target: string, options: DownloadOptions = {}): Promise<Download> {
  const address = addressOf(url)
  const [lock, token] = [`${target}.lock`, randomUUID()]
  // Two processes at once would write into the same part.
  lockPath(lock, target, token)
  try {
    const part = new Part(target)
    try {
      await fetchAll(address, part, options)
      part.sync()
    } catch (error) {
      if (isDiskFull(error)) part.clear()
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
        `${address.url}: the file that came has SHA-256 ${sha256}, it should be ${expected}`,
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
    if (isDiskFull(error)) throw diskFull(target, error)
    throw (error as NodeJS.ErrnoException).syscall === undefined ? error : ioError('write', target, error)
  } finally {
    unlockPath(lock, token)
  }
}

function isDiskFull(error: unknown): boolean {
  const { code, cause } = error as NodeJS.ErrnoException
  return [code, (cause as NodeJS.ErrnoException | undefined)?.code].some(
    (each) => each === 'ENOSPC' || each === 'EDQUOT',
  )
}

function diskFull(target: string, cause: unknown): MbconvError {
  const hint = 'What came was removed. Make room; or MBCONV_CACHE names a folder on another disk.'
  return new MbconvError('ERR_IO', ioError('write', target, (cause as Error).cause ?? cause).message, {
    op: 'download',
    hint,
    cause,
  })
}

/** Makes attempts until the part is whole. */
async function fetchAll(address: Address, part: Part, options: DownloadOptions): Promise<void> {
  const { retries = 5, leastBytes = LEAST_BYTES, onNote, signal } = options
  const { url } = address
  // An earlier process was killed after the last byte.
  if (part.bytes > 0 && part.record.url === url && part.record.total === part.bytes) return
  const web = await Web.open()
  try {
    for (let failures = 0; ; ) {
      const before = part.bytes
      try {
        if (await attempt(web, address, part, options)) return
      } catch (error) {
        if (signal?.aborted) {
          throw new MbconvError('ERR_ABORTED', `${url}: stopped; what came is kept`, { op: 'download' })
        }
        if (!(error instanceof Passing)) throw error
        failures = part.bytes >= before + leastBytes ? 1 : failures + 1
        if (failures > retries) throw network(url, error.message)
        const wait = Math.min(error.wait ?? 500 * 2 ** (failures - 1), LONGEST_WAIT_MS)
        onNote?.(`${error.message}; trying again in ${(wait / 1000).toFixed(1)} s`)
        await sleep(wait, undefined, { signal }).catch(() => {})
      }
    }
  } finally {
    await web.close()
  }
}

/** @returns whether the part is whole now; false: start over at once */
async function attempt(web: Web, address: Address, part: Part, options: DownloadOptions): Promise<boolean> {
  const { signal, timeout = 30_000, leastBytes = LEAST_BYTES } = options
  // One controller for the caller's signal and for a silent server.
  const controller = new AbortController()
  const stop = () => controller.abort()
  signal?.addEventListener('abort', stop, { once: true })
  if (signal?.aborted) stop()
  let [timer, came] = [setTimeout(stop, timeout), 0]
  // Few bytes do not count as progress: a server that sends one a minute would go on forever.
  const alive = (bytes: number) => {
    came += bytes
    if (came < leastBytes) return
    clearTimeout(timer)
    timer = setTimeout(stop, timeout)
    came = 0
  }
  try {
    const { url } = address
    const { record } = part
    const version = record.etag ?? record.modified
    const resumes =
      part.bytes > 0 && record.url === url && version !== undefined && !(part.bytes >= (record.total ?? Infinity))
    if (!resumes) part.clear()
    const headers: Record<string, string> = { 'accept-encoding': 'identity' }
    if (resumes) Object.assign(headers, { range: `bytes=${part.bytes}-`, 'if-range': version })
    const { response, sha256 } = await web.ask(address, headers, controller.signal)
    alive(leastBytes)
    const whole = beginning(url, part, response, sha256, resumes, options.onNote)
    if (whole !== undefined) return whole
    await take(url, part, response, alive, options)
    return true
  } catch (error) {
    if (controller.signal.aborted && !signal?.aborted) {
      const seconds = timeout / 1000
      throw new Passing(came === 0 ? `no answer for ${seconds} s` : `only ${came} bytes came in ${seconds} s`)
    }
    throw asPassing(address.url, error)
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', stop)
    controller.abort() // ends a body that has not been read
  }
}

/**
 * Reads the head of a response, and describes the part that its body belongs to.
 *
 * @returns undefined if the body is to be taken, else the result of {@link attempt}
 */
function beginning(
  url: string,
  part: Part,
  response: Response,
  sha256: string | undefined,
  resumes: boolean,
  onNote?: (text: string) => void,
): boolean | undefined {
  const { status, headers } = response
  const answer: PartRecord = { url, sha256, ...versionOf(response) }
  const anew = (problem: string) => {
    part.clear()
    onNote?.(`${problem}; beginning anew`)
    return false
  }
  if (status === 416) {
    // The server has nothing after the bytes here: the part is whole, or it never was a beginning of this file.
    if (!resumes) throw network(url, 'the server refuses the whole file (HTTP 416)')
    const total = Number(/^bytes \*\/(\d+)$/.exec(headers.get('content-range') ?? '')?.[1] ?? Number.NaN)
    return (
      (total === part.bytes && isSameVersion(part.record, answer)) || anew('the server has no such part of the file')
    )
  }
  if (status === 408 || status === 429 || status >= 500) {
    throw new Passing(`the server says HTTP ${status}`, retryAfter(response))
  }
  if (status !== 200 && status !== 206) throw network(url, `the server says HTTP ${status}`)
  const encoded = !/^(identity)?$/i.test(headers.get('content-encoding') ?? '')
  const length = Number(headers.get('content-length') ?? Number.NaN)
  if (status === 200) {
    // The response has the whole file: the server does not support ranges, or has another file now. fetch decodes a
    // compressed body, so length and version then describe other bytes.
    part.clear()
    part.describe(encoded ? { url, sha256 } : { ...answer, total: Number.isNaN(length) ? undefined : length })
    return undefined
  }
  const another = 'the server sent another part of the file than was asked for'
  if (!resumes) throw new Passing(another)
  const range = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(headers.get('content-range') ?? '')
  if (range === null || /multipart/i.test(headers.get('content-type') ?? '') || encoded) {
    return anew(another)
  }
  const [from, to] = [Number(range[1]), Number(range[2])]
  const total = range[3] === '*' ? part.record.total : Number(range[3])
  if (!isSameVersion(part.record, answer) || (part.record.total ?? total) !== total) {
    return anew('the server has another version of the file now')
  }
  const fits = from === part.bytes && total !== undefined && to < total && !(length !== to - from + 1 && length >= 0)
  if (!fits) return anew(another)
  // Keep the version's known facts if the response does not repeat them.
  part.describe({ ...part.record, total, sha256: sha256 ?? part.record.sha256 })
  return undefined
}

/** Appends the body to the part. */
async function take(
  url: string,
  part: Part,
  { body }: Response,
  alive: (bytes: number) => void,
  { onProgress, maxBytes = 8 * 2 ** 30 }: DownloadOptions,
): Promise<void> {
  const { total } = part.record
  const tooMuch = (bytes: number, verb: string) => {
    part.clear()
    const [is, most] = [bytes, maxBytes].map((each) => (each / 1e6).toFixed(1))
    return network(url, `${is} MB ${verb}, and the file has ${most} MB at most`)
  }
  if (total !== undefined) {
    if (total > maxBytes) throw tooMuch(total, 'are announced')
    part.checkRoom(total - part.bytes)
  }
  onProgress?.({ url, bytes: part.bytes, total })
  let looked = part.bytes
  for await (const chunk of body ?? []) {
    const bytes = chunk as Uint8Array
    alive(bytes.byteLength)
    if (part.bytes + bytes.byteLength > (total ?? maxBytes)) {
      if (total === undefined) throw tooMuch(part.bytes + bytes.byteLength, 'came')
      part.clear()
      throw new Passing(`more than the ${total} bytes came that were announced`)
    }
    part.append(bytes)
    if (total === undefined && part.bytes - looked > LOOK_EVERY) {
      looked = part.bytes
      try {
        part.checkRoom(0)
      } catch (error) {
        part.clear()
        throw error
      }
    }
    onProgress?.({ url, bytes: part.bytes, total })
  }
  if (total !== undefined && part.bytes < total) {
    throw new Passing(`the connection ended at byte ${part.bytes} of ${total}`)
  }
}

/**
 * The version of a response: a strong entity tag, and a date. A weak tag does not identify bytes. Neither does a date
 * of change in the same second as the response.
 */
function versionOf({ headers }: Response): Pick<PartRecord, 'etag' | 'modified'> {
  const tag = headers.get('etag')
  const [modified, now] = ['last-modified', 'date'].map((name) => headers.get(name) ?? undefined)
  const isStrong = modified !== undefined && now !== undefined && Date.parse(now) - Date.parse(modified) >= 1000
  return { etag: tag?.startsWith('"') ? tag : undefined, modified: isStrong ? modified : undefined }
}

/**
 * Whether a response has the version that a part is the beginning of. Servers that do not support If-Range send a range
 * of their current file. If the tags agree, the date may be missing.
 */
function isSameVersion(part: PartRecord, answer: PartRecord): boolean {
  if (part.sha256 !== undefined && answer.sha256 !== undefined && part.sha256 !== answer.sha256) return false
  if (part.etag !== undefined && part.etag !== answer.etag) return false
  if (part.modified === undefined || part.modified === answer.modified) return true
  return part.etag !== undefined && answer.modified === undefined
}

function retryAfter({ headers }: Response): number | undefined {
  const seconds = Number(headers.get('retry-after') ?? Number.NaN)
  return seconds >= 0 ? seconds * 1000 : undefined
}

/** Classifies an error that fetch throws. */
function asPassing(url: string, error: unknown): unknown {
  if (error instanceof MbconvError || error instanceof Passing) return error
  if ((error as NodeJS.ErrnoException).syscall !== undefined) return error // an error of the disk
  const { problem, lasting } = failureOf(error)
  return lasting ? network(url, problem) : new Passing(problem)
}

/** Digest and size of a file, read in pieces. */
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
