/** Downloads published weights from the hub into the weights folder. */
import { lstatSync, realpathSync } from 'node:fs'
import path from 'node:path'
import { checkOptions, shown } from '../../errors/check'
import { MbconvError } from '../../errors/error'
import { writeFileAtomic } from '../../files/atomic'
import { type DownloadProgress, download, sha256Of } from '../../files/download'
import { makeFolder } from '../../files/folders'
import { ioError } from '../../files/io-error'
import { readableJson } from '../../files/json'
import { quoted, readText } from '../../files/open'
import { withoutCredentials } from '../../files/web'
import { readMetadata } from '../../io/safetensors'
import { checkWeightsFile } from '../../io/weights-file'
import { count } from '../cost/count'
import { archOf, hubAddress, type PublishedWeights, publishedWeightsNamed, weightsFolder } from './published'

/** Where weights are stored, and who hears of the progress. */
export interface PullOptions {
  /** Default: the weights folder. */
  folder?: string
  /** Called with the progress of the download. */
  onProgress?: (progress: DownloadProgress) => void
  /** Called with each problem that leads to another attempt or another address. */
  onNote?: (text: string) => void
  /** Stops the download; a later call continues it. */
  signal?: AbortSignal
  /** Retries after attempts that get almost nothing. An attempt that gets 16 kB resets the count. Default 5. */
  retries?: number
  /** An attempt that gets fewer than 16 kB in this time is given up, ms. Default 30,000. */
  timeout?: number
  /** Larger files are refused. Default: twice the network's size in float32, plus 16 MiB. */
  maxBytes?: number
}

/** Weights that are on disk now. */
export interface Pulled {
  /** The name of the weights. */
  name: string
  /** The file that has them. */
  path: string
  /** The address that the file came from. */
  url: string
  /** The size of the file. */
  bytes: number
  /** The SHA-256 of the file. */
  sha256: string
  /**
   * What the SHA-256 was compared with: the server's header, the beginning in the file's name, our record, or nothing.
   */
  verifiedBy: 'server' | 'name' | 'record' | null
  /** Whether a complete file was there already. */
  wasThere: boolean
}

/**
 * Downloads published weights, continuing an interrupted download. The file appears only when it is complete, after its
 * SHA-256 was compared (if one is known) and its header was read. If the hub has no such file, the original `.pth` is
 * tried.
 *
 * @param name of published weights, one of `publishedWeights()`
 * @throws MbconvError (also by the promise) ERR_VALUE, ERR_TYPE; ERR_NETWORK with where to put the file by hand;
 *   ERR_FORMAT for a file with unexpected content, which is removed; ERR_IO; ERR_ABORTED
 */
export function pull(name: string, options: PullOptions = {}): Promise<Pulled> {
  const op = 'pull'
  const published = publishedWeightsNamed(name)
  checkOptions(op, options, ['folder', 'onProgress', 'onNote', 'signal', 'retries', 'timeout', 'maxBytes'])
  const { folder = weightsFolder(), maxBytes = 1 } = options
  if (!(typeof maxBytes === 'number' && maxBytes > 0)) {
    throw new MbconvError('ERR_VALUE', `${op}: maxBytes must be a number above 0, got ${shown(maxBytes)}`, { op })
  }
  if (typeof folder !== 'string' || folder === '') {
    throw new MbconvError('ERR_TYPE', `${op}: folder must be a string that is not empty`, { op })
  }
  return fetchInto(published, folder, options)
}

async function fetchInto(published: PublishedWeights, folder: string, options: PullOptions): Promise<Pulled> {
  const { name, url, file, original } = published
  const target = targetIn(folder, file)
  const there = await whatIsThere(name, target)
  if (there !== undefined) return there
  try {
    return await fetchFile(published, hubAddress(name), target, options)
  } catch (error) {
    const missing =
      error instanceof MbconvError && error.code === 'ERR_NETWORK' && /HTTP (401|403|404|410)/.test(error.message)
    if (!missing || original === null) throw withHint(error, url, target)
    options.onNote?.(`${(error as Error).message}; trying the original file, ${original.url}`)
    const second = targetIn(folder, original.file)
    try {
      const { url, sha256 } = original
      return (await whatIsThere(name, second, sha256)) ?? (await fetchFile(published, url, second, options, sha256))
    } catch (cause) {
      throw withHint(cause, url, target)
    }
  }
}

/** Adds to a network error what to do without a network. */
function withHint(error: unknown, url: string, target: string): unknown {
  if (!(error instanceof MbconvError) || error.code !== 'ERR_NETWORK') return error
  const hint = `Fetch it elsewhere and put it here by hand: curl -L -o ${target} ${url} (HF_ENDPOINT names a mirror).`
  return new MbconvError(error.code, error.message, { op: 'pull', hint, cause: error })
}

/** The path of a file in the folder, which is created if missing. Refuses a link that leads elsewhere. */
function targetIn(folder: string, file: string): string {
  try {
    makeFolder(folder)
    const target = path.join(realpathSync(folder), file)
    const link = lstatSync(target, { throwIfNoEntry: false })
    if (link !== undefined && !link.isFile()) {
      throw new MbconvError('ERR_IO', `cannot write ${target}: what is there is no regular file`, { op: 'pull' })
    }
    return target
  } catch (error) {
    throw ioError('write to', folder, error)
  }
}

const record = (target: string) => `${target}.json`

/** A file of an earlier pull, if it is unchanged. */
async function whatIsThere(name: string, target: string, pinned?: string): Promise<Pulled | undefined> {
  if (lstatSync(target, { throwIfNoEntry: false }) === undefined) return undefined
  let known: { url?: string; sha256?: string } = {}
  try {
    known = { ...JSON.parse(readText(record(target), { op: 'pull' })) }
  } catch {
    // The file was placed by hand.
  }
  const { sha256, bytes } = await sha256Of(target)
  const differs = (problem: string) =>
    new MbconvError('ERR_FORMAT', `${target} is not what ${problem}`, {
      op: 'pull',
      hint: 'Remove it, and pull again.',
    })
  if (known.sha256 !== undefined && known.sha256 !== sha256) {
    throw differs(`was fetched: its SHA-256 is ${sha256}, it was ${quoted(String(known.sha256))}`)
  }
  if (pinned !== undefined && !sha256.startsWith(pinned)) {
    throw differs(`was published: its SHA-256 is ${sha256}, it should begin with ${pinned}`)
  }
  checkContent(target)
  const verifiedBy = pinned !== undefined ? 'name' : known.sha256 !== undefined ? 'record' : null
  return { name, path: target, url: known.url ?? '', bytes, sha256, verifiedBy, wasThere: true }
}

async function fetchFile(
  published: PublishedWeights,
  address: string,
  target: string,
  options: PullOptions,
  sha256?: string,
): Promise<Pulled> {
  const { onProgress, onNote, signal, retries, timeout, maxBytes = mostBytes(published) } = options
  const how = { sha256, check: checkContent, onProgress, onNote, signal, retries, timeout, maxBytes }
  const got = await download(address, target, how)
  const [{ name }, url] = [published, withoutCredentials(address)]
  writeFileAtomic(record(target), readableJson({ name, url, bytes: got.bytes, sha256: got.sha256 }))
  const verifiedBy = sha256 !== undefined ? 'name' : got.announced ? 'server' : null
  return { name, path: target, url, bytes: got.bytes, sha256: got.sha256, verifiedBy, wasThere: false }
}

/** Allows for float64 or a second copy of the weights, and for names. */
function mostBytes(published: PublishedWeights): number {
  const { params } = count(archOf(published), { numClasses: published.numClasses })
  return 8 * params + 16 * 2 ** 20
}

/** Checks that the content is a weights file: a server may answer with a web page. */
function checkContent(file: string): void {
  if (checkWeightsFile(file, 'pull') === 'safetensors') readMetadata(file)
}
