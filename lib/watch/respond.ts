/** Answers a request: which requests are answered at all, and with what headers. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { basename, join } from 'node:path'
import { readInside } from '../files/open'
import { printable, printableJson } from '../text/foreign-text'
import { isRight, readSamples, wrongFirst } from '../train/run/samples'
import type { Asset } from './assets'
import type { WatchedRun } from './run'

/** The page may load from this server only, run no inline script, and lie in no other page. */
const POLICY = "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'"

const HEADERS = {
  'Content-Security-Policy': POLICY,
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Cache-Control': 'no-store',
}

/** Bytes of a sample's image. */
const LARGEST_IMAGE = 2 ** 20
const PNG = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])

/**
 * Names of this machine for itself. A page on the internet can make its own name lead here (DNS rebinding); its requests
 * have that name as host. The port may be another one, if the connection comes through a tunnel.
 */
const LOCAL_HOST = /^(127\.0\.0\.1|localhost|\[::1\])(:\d{1,5})?$/i

/** What answers are made from. */
export interface Served {
  assets: ReadonlyMap<string, Asset>
  find: (id: string) => WatchedRun | undefined
  /** Begins a stream of events. */
  follow: (request: IncomingMessage, response: ServerResponse) => void
}

interface Answer {
  status: number
  type: string
  body: string | Uint8Array
  headers?: Record<string, string>
}

/** An answer for a person who looks at it: one line of text. */
const refusal = (status: number, why: string, headers?: Record<string, string>): Answer => ({
  status,
  type: 'text/plain; charset=utf-8',
  body: `${printable(why)}\n`,
  headers,
})

const NOTHING = refusal(404, 'there is nothing at this address')

export function respond(request: IncomingMessage, response: ServerResponse, served: Served): void {
  const refused = refusalOf(request)
  // The path is only compared, never resolved, so it needs no decoding.
  const path = (request.url ?? '').split('?')[0]
  if (refused === undefined && path === '/events') {
    response.writeHead(200, { ...HEADERS, 'Content-Type': 'text/event-stream', 'X-Accel-Buffering': 'no' })
    served.follow(request, response)
    return
  }
  const { status, type, body, headers } = refused ?? answerTo(path, served)
  const length = Buffer.byteLength(body)
  response.writeHead(status, { ...HEADERS, ...headers, 'Content-Type': type, 'Content-Length': length })
  response.end(body)
}

function refusalOf({ method, headers }: IncomingMessage): Answer | undefined {
  if (!LOCAL_HOST.test(headers.host ?? '')) return refusal(403, 'this address is only for this machine')
  return method === 'GET' ? undefined : refusal(405, 'only GET is answered', { Allow: 'GET' })
}

function answerTo(path: string, served: Served): Answer {
  try {
    const asset = served.assets.get(path)
    if (asset !== undefined) return { status: 200, type: asset.type, body: asset.read() }
    const [, id, number] = /^\/samples\/(run\d{1,9})(?:\/(\d{1,3}))?$/.exec(path) ?? []
    const run = id === undefined ? undefined : served.find(id)
    if (run === undefined) return NOTHING
    return number === undefined ? samplesOf(run) : imageOf(run, Number(number))
  } catch (error) {
    return refusal(500, (error as Error).message)
  }
}

/** The samples, wrong ones first, each with its number for {@link imageOf}. */
function samplesOf(run: WatchedRun): Answer {
  const samples = wrongFirst((readSamples(run.folder) ?? []).map((sample, number) => ({ ...sample, number })))
  const shown = samples.map((sample) => ({
    number: sample.number,
    isRight: isRight(sample),
    file: printable(sample.file),
    guesses: sample.guesses.slice(0, 5).map((guess) => ({ ...guess, label: printable(guess.label) })),
    ...('label' in sample
      ? { label: printable(sample.label) }
      : { labels: sample.labels.map(printable), predicted: sample.predicted.map(printable) }),
  }))
  return { status: 200, type: 'application/json', body: printableJson(JSON.stringify(shown)) }
}

/** The image of a sample: a PNG that really lies in the folder `samples` of its run. */
function imageOf(run: WatchedRun, number: number): Answer {
  const sample = readSamples(run.folder)?.[number]
  if (sample === undefined) return NOTHING
  const name = basename(sample.image)
  const bytes = readInside(join(run.folder, 'samples'), name, { op: 'watch', most: LARGEST_IMAGE })
  if (bytes === undefined || !PNG.equals(bytes.subarray(0, PNG.length))) {
    return refusal(404, 'the image of this sample is no PNG in the folder of its run')
  }
  return { status: 200, type: 'image/png', body: bytes }
}
