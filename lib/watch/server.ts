/** The server behind the page. Only this machine reaches it, and it changes nothing. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { MbconvError } from '../errors/error'
import { printable, printableJson } from '../text/foreign-text'
import { pageAssets } from './assets'
import { respond } from './respond'
import type { WatchedRun } from './run'
import { type RunChoice, Runs } from './runs'
import { PageStream } from './stream'

/** The port, unless another one is asked for. If it is in use, any free one is taken. */
export const DEFAULT_PORT = 7007

/** No other machine can connect to this address. */
const ADDRESS = '127.0.0.1'

/** Milliseconds between two looks at the runs, and between two signs of life. */
const [LOOK, BEAT] = [500, 15_000]
/** Looks at the runs between two looks at the folder of all runs. */
const DISCOVER = 6

/** Pieces of a file, of 4 MiB each, that one look reads. */
const MOST_PIECES = 4

/** The most pages at a time. */
const MOST_PAGES = 32

export interface WatchOptions extends RunChoice {
  /** Undefined: {@link DEFAULT_PORT}, or any free one. */
  port?: number
  /** Milliseconds between two looks at the runs. */
  every?: number
}

export interface WatchServer {
  /** The page's address. */
  url: string
  port: number
  /** Ends all connections, and frees the port. */
  close(): Promise<void>
}

/**
 * Serves the page until it is closed.
 *
 * @throws MbconvError ERR_USAGE for wrong runs, or a port that cannot be used; ERR_ENVIRONMENT if the plotting library is
 *   not installed
 */
export async function serveRuns({ port, every = LOOK, ...choice }: WatchOptions): Promise<WatchServer> {
  const runs = new Runs(choice)
  const assets = pageAssets()
  const streams = new Set<PageStream>()
  let looks = 0
  /** Why the folder of runs cannot be read; null if it can. */
  let problem: string | null = null

  const discover = () => {
    try {
      runs.discover()
      problem = null
    } catch (error) {
      problem = printable((error as Error).message)
    }
  }

  const look = () => {
    if (looks++ % DISCOVER === 0) discover()
    for (const run of runs.shown) readOn(run)
    const facts = { problem, runs: runs.shown.map((run) => run.facts()) }
    const table = printableJson(JSON.stringify(facts))
    for (const stream of streams) stream.update(table, runs.shown)
  }

  const follow = (request: IncomingMessage, response: ServerResponse) => {
    if (streams.size >= MOST_PAGES) {
      response.destroy()
      return
    }
    const id = request.headers['last-event-id']
    const stream = new PageStream(response, typeof id === 'string' ? id : undefined)
    streams.add(stream)
    response.on('close', () => streams.delete(stream))
    // A page that is gone is no error; `close` follows.
    response.on('error', () => {})
    looks = 0
    look()
  }

  const find = (id: string) => runs.find(id)
  const server = createServer((request, response) => respond(request, response, { assets, find, follow }))
  const used = await listen(server, port)
  // Without a page there is nobody to read for.
  const looking = setInterval(() => streams.size > 0 && look(), every)
  const beating = setInterval(() => {
    for (const stream of streams) stream.beat()
  }, BEAT)
  return {
    url: `http://${ADDRESS}:${used}/`,
    port: used,
    close: () => {
      clearInterval(looking)
      clearInterval(beating)
      return new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      })
    },
  }
}

/** Reads new lines of a run, but not so many that the server would not answer for seconds. */
function readOn(run: WatchedRun): void {
  for (let piece = 0; piece < MOST_PIECES; piece++) if (!run.poll()) return
}

/** Listens at a port. Returns its number. */
async function listen(server: Server, port: number | undefined): Promise<number> {
  const attempt = (number: number) =>
    new Promise<number>((resolve, reject) => {
      server.once('error', reject)
      server.listen({ host: ADDRESS, port: number }, () => {
        server.off('error', reject)
        resolve((server.address() as AddressInfo).port)
      })
    })
  try {
    return await attempt(port ?? DEFAULT_PORT)
  } catch (error) {
    if (port === undefined) return attempt(0)
    const { code, message } = error as NodeJS.ErrnoException
    const why = { EADDRINUSE: 'it is in use', EACCES: 'permission denied' }[code ?? ''] ?? message
    throw new MbconvError('ERR_USAGE', `port ${port} cannot be used: ${why}`, {
      hint: 'without --port, a free one is taken',
      cause: error,
    })
  }
}
