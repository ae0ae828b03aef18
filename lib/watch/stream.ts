/**
 * The stream of events to one page, as server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html).
 *
 * `runs` has the table of all runs, whenever it changes. `points` has new points of one run. The id of an event says
 * what the page has got so far. A browser sends the last id when it reconnects, and the stream goes on from there.
 */
import { randomBytes } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import type { WatchedRun } from './run'
import type { Series } from './series'

/** Points that the page has of one series. */
interface Position {
  version: number
  count: number
}

type Positions = Record<'steps' | 'evaluations', Position>

/** New points of a run. From index 0 on, they replace all that the page has. */
interface Points {
  run: string
  steps: { from: number; points: Series['points'] }
  evaluations: { from: number; points: Series['points'] }
}

/** Bytes that a page may leave unread. Its connection is then closed; the browser opens another one. */
const MOST_UNREAD = 16 * 2 ** 20

/** Tells this process's ids from those of an earlier server on the same port. */
const SESSION = randomBytes(4).toString('hex')

const NOTHING: Positions = { steps: { version: -1, count: 0 }, evaluations: { version: -1, count: 0 } }

/** `SESSION:run1.0.40.0.2,…`: for each run the version and number of points of both series. */
const idOf = (positions: ReadonlyMap<string, Positions>): string => {
  const parts = [...positions].map(([run, { steps, evaluations }]) =>
    [run, steps.version, steps.count, evaluations.version, evaluations.count].join('.'),
  )
  return `${SESSION}:${parts.join(',')}`
}

/** The positions in an id that this process has sent. None for any other text. */
function positionsOf(id: string | undefined): Map<string, Positions> {
  const positions = new Map<string, Positions>()
  const [session, list = ''] = (id ?? '').split(':')
  if (session !== SESSION) return positions
  for (const part of list.split(',')) {
    const match = /^(run\d{1,9})\.(\d{1,9})\.(\d{1,9})\.(\d{1,9})\.(\d{1,9})$/.exec(part)
    if (match === null) continue
    const [a, b, c, d] = match.slice(2).map(Number)
    positions.set(match[1], { steps: { version: a, count: b }, evaluations: { version: c, count: d } })
  }
  return positions
}

export class PageStream {
  readonly #response: ServerResponse
  readonly #sent: Map<string, Positions>
  #table = ''

  /** @param lastId the id of the last event that the page got; undefined for a new page */
  constructor(response: ServerResponse, lastId: string | undefined) {
    this.#response = response
    this.#sent = positionsOf(lastId)
    // The browser waits this long before it reconnects, ms.
    response.write('retry: 1000\n\n')
  }

  /**
   * Sends what the page does not have yet.
   *
   * @param table the facts of all runs, as JSON on one line
   */
  update(table: string, runs: readonly WatchedRun[]): void {
    if (this.#response.writableLength > MOST_UNREAD) {
      this.#response.destroy()
      return
    }
    if (table !== this.#table) this.#send('runs', table)
    this.#table = table
    for (const run of runs) {
      const points = this.#newPoints(run)
      if (points !== undefined) this.#send('points', JSON.stringify(points))
    }
  }

  /** Keeps the connection open, and finds out whether it still is. */
  beat(): void {
    this.#response.write(': still here\n\n')
  }

  #newPoints({ id, steps, evaluations }: WatchedRun): Points | undefined {
    const before = this.#sent.get(id) ?? NOTHING
    const [a, b] = [newOf(steps, before.steps), newOf(evaluations, before.evaluations)]
    if (a === undefined && b === undefined) return undefined
    this.#sent.set(id, {
      steps: { version: steps.version, count: steps.points.length },
      evaluations: { version: evaluations.version, count: evaluations.points.length },
    })
    const unchanged = (series: Series) => ({ from: series.points.length, points: [] })
    return { run: id, steps: a ?? unchanged(steps), evaluations: b ?? unchanged(evaluations) }
  }

  #send(event: string, data: string): void {
    this.#response.write(`id: ${idOf(this.#sent)}\nevent: ${event}\ndata: ${data}\n\n`)
  }
}

/** The points after a position; undefined if there are none and nothing has changed. */
function newOf({ version, points }: Series, before: Position) {
  const isSame = before.version === version && before.count <= points.length
  const from = isSame ? before.count : 0
  return isSame && from === points.length ? undefined : { from, points: points.slice(from) }
}
