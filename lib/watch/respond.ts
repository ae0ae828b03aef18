/** Answers a request: which requests are answered at all, and with what headers. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { basename, join } from 'node:path'
import { readInside } from '../files/open'
import { printable, printableJson } from '../text/foreign-text'
import { readSamples, wrongFirst } from '../train/run/samples'
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

/** What the answers are made from. */
export interface Served {
  assets: ReadonlyMap<string, Asset>
  find: (id: string) => WatchedRun | undefined
  /** Begins a stream of events. */
  follow: (request: IncomingMessage, response: ServerResponse) => void
}

function send(response: ServerResponse, status: number, type: string, body: string | Uint8Array): void {
  response.writeHead(status, { ...HEADERS, 'Content-Type': type, 'Content-Length': Buffer.byteLength(body) })
  response.end(body)
}

/** An answer for a person who looks at it. It is one line of text. */
const refuse = (response: ServerResponse, status: number, why: string): void =>
  send(response, status, 'text/plain; charset=utf-8', `${printable(why)}\n`)

export function respond(request: IncomingMessage, response: ServerResponse, served: Served): void {
  const { method, headers } = request
  if (!LOCAL_HOST.test(headers.host ?? '')) return refuse(response, 403, 'this address is only for this machine')
  if (method !== 'GET') {
    response.setHeader('Allow', 'GET')
    return refuse(response, 405, 'only GET is answered')
  }
  // The path is only compared, never resolved, so it needs no decoding.
  const path = (request.url ?? '').split('?')[0]
  if (path === '/events') {
    response.writeHead(200, { ...HEADERS, 'Content-Type': 'text/event-stream', 'X-Accel-Buffering': 'no' })
    return served.follow(request, response)
  }
  try {
    const asset = served.assets.get(path)
    if (asset !== undefined) return send(response, 200, asset.type, asset.read())
    const [, id, number] = /^\/samples\/(run\d{1,9})(?:\/(\d{1,3}))?$/.exec(path) ?? []
    const run = id === undefined ? undefined : served.find(id)
    if (run !== undefined && number === undefined) return sendSamples(response, run)
    if (run !== undefined) return sendImage(response, run, Number(number))
  } catch (error) {
    return refuse(response, 500, (error as Error).message)
  }
  refuse(response, 404, 'there is nothing at this address')
}

/** The samples, wrong ones first, each with its number for {@link sendImage}. */
function sendSamples(response: ServerResponse, run: WatchedRun): void {
  const samples = (readSamples(run.folder) ?? []).map(({ file, label, guesses }, number) => ({
    number,
    file: printable(file),
    label: printable(label),
    guesses: guesses.slice(0, 5).map((guess) => ({ ...guess, label: printable(guess.label) })),
  }))
  send(response, 200, 'application/json', printableJson(JSON.stringify(wrongFirst(samples))))
}

/** The image of a sample: a PNG that really lies in the folder `samples` of its run. */
function sendImage(response: ServerResponse, run: WatchedRun, number: number): void {
  const sample = readSamples(run.folder)?.[number]
  if (sample === undefined) return refuse(response, 404, 'there is no such sample')
  const name = basename(sample.image)
  const bytes = readInside(join(run.folder, 'samples'), name, { op: 'watch', most: LARGEST_IMAGE })
  if (bytes === undefined || !PNG.equals(bytes.subarray(0, PNG.length))) {
    return refuse(response, 404, 'the image of this sample is no PNG in the folder of its run')
  }
  send(response, 200, 'image/png', bytes)
}
