/**
 * Shows the progress of an experiment on stderr: on a terminal a redrawn table of the running jobs, otherwise a line
 * for each job that begins or ends.
 */

import type { ExperimentEvent, JobProgressEvent, PlanEvent } from '../../experiment/run/events'
import type { ResultRow, TimingRow } from '../../experiment/types/types'
import type { StoredSeed } from '../../random/seed'
import { printable } from '../../text/foreign-text'
import * as format from './format'
import { cutTo, onTerminal, type Paint, padEnd, painter, wantsColor, widthOf } from './output'
import { type ProgressStream, writeLines } from './progress'

export interface ExperimentProgress {
  event(event: ExperimentEvent): void
  /** Prints lines that stay. */
  note(...lines: string[]): void
  /** Ends the drawing. */
  end(): void
}

export function createExperimentProgress(
  stream: ProgressStream,
  {
    quiet = false,
    env = process.env,
    now = Date.now,
  }: { quiet?: boolean; env?: NodeJS.ProcessEnv; now?: () => number } = {},
): ExperimentProgress {
  const live = !quiet && stream.isTTY === true && env.TERM !== 'dumb'
  const colored = wantsColor(stream, env)
  return new Progress(stream, { quiet, live, colored, paint: painter(colored), now })
}

/** Milliseconds between redraws. */
const INTERVAL = 200
/** The most running jobs that are shown, one per line. */
const MOST_LINES = 12

const nameOf = ({ arm, seed }: { arm: string; seed: StoredSeed }) => `${arm} seed ${seed}`

class Progress implements ExperimentProgress {
  /** By slot. */
  private readonly running = new Map<string, { startedAt: number; progress?: JobProgressEvent }>()
  private plan?: PlanEvent
  private over = 0
  private overHere = 0
  private failed = 0
  private startedAt: number
  private drawnAt = Number.NEGATIVE_INFINITY
  private drawnLines = 0

  constructor(
    private readonly stream: ProgressStream,
    private readonly options: { quiet: boolean; live: boolean; colored: boolean; paint: Paint; now: () => number },
  ) {
    this.startedAt = options.now()
  }

  event(event: ExperimentEvent): void {
    const { paint, now } = this.options
    switch (event.type) {
      case 'plan':
        this.plan = event
        this.over = event.finished
        this.overHere = 0
        this.startedAt = now()
        return
      case 'job-start':
        this.running.set(nameOf(event), { startedAt: now() })
        if (!this.options.live) this.tell(`${this.counter()}  ${nameOf(event)} begins${again(event.attempt)}`)
        break
      case 'job-progress':
        this.running.set(nameOf(event), { startedAt: now(), ...this.running.get(nameOf(event)), progress: event })
        break
      case 'job-retry':
        this.note(`${paint('yellow', 'once more:')} ${nameOf(event)}: ${event.error.message} (${event.error.code})`)
        break
      case 'job-end':
        this.running.delete(nameOf(event.row))
        this.over++
        this.overHere++
        if (event.row.status === 'failed') this.failed++
        this.tell(`${this.counter()}  ${endLine(event.row, event.timing, paint)}`)
        break
      default:
        return
    }
    this.draw(false)
  }

  note(...lines: string[]): void {
    this.clear()
    writeLines(this.stream, lines, this.options.colored)
    this.draw(true)
  }

  end(): void {
    this.clear()
    this.running.clear()
  }

  /** Prints a line that stays, unless only results and errors are wanted. */
  private tell(text: string): void {
    if (!this.options.quiet) this.note(text)
  }

  private counter(): string {
    const all = this.plan?.jobs ?? 0
    return `${String(this.over).padStart(String(all).length)}/${all}`
  }

  private clear(): void {
    if (this.drawnLines > 0) this.stream.write(`\u001b[${this.drawnLines}A\u001b[J`)
    this.drawnLines = 0
  }

  private draw(always: boolean): void {
    const now = this.options.now()
    if (!this.options.live || this.running.size === 0 || (!always && now - this.drawnAt < INTERVAL)) return
    const width = (this.stream.columns || 80) - 1
    const jobs = [...this.running].slice(0, MOST_LINES).map(([name, { startedAt, progress }]) => {
      const { step = 0, steps = 0, loss = null, top1 = null } = progress ?? {}
      return [
        padEnd(name, Math.max(...[...this.running.keys()].map(widthOf))),
        steps > 0 ? `${String(step).padStart(String(steps).length)}/${steps}` : 'starting',
        loss === null ? '' : `loss ${format.loss(loss)}`,
        top1 === null ? '' : `top-1 ${format.percent(top1)}`,
        format.clock((now - startedAt) / 1000),
      ]
        .filter((field) => field !== '')
        .join('  ')
    })
    const more = this.running.size - jobs.length
    const plain = [...jobs, ...(more > 0 ? [`and ${more} more`] : []), this.summary(now)]
    const lines = plain.map((line) => cutTo(printable(line), width))
    lines.push(this.options.paint('dim', lines.pop() as string))
    this.clear()
    this.stream.write(lines.map((line) => `${onTerminal(line, this.options.colored)}\u001b[K\n`).join(''))
    this.drawnLines = lines.length
    this.drawnAt = now
  }

  /** The remaining work, estimated from the durations of finished jobs. */
  private summary(now: number): string {
    const seconds = (now - this.startedAt) / 1000
    const parts = [...this.running.values()].map(({ progress }) =>
      progress?.steps ? progress.step / progress.steps : 0,
    )
    const done = this.overHere + parts.reduce((sum, part) => sum + part, 0)
    const left = (this.plan?.jobs ?? 0) - this.over - parts.reduce((sum, part) => sum + part, 0)
    const failed = this.failed > 0 ? `, ${this.failed} failed` : ''
    const rest = done >= 0.5 ? `, about ${format.clock((seconds / done) * left)} left` : ''
    return `${this.counter()} done${failed}${rest}`
  }
}

const again = (attempt: number) => (attempt > 1 ? ', once more' : '')

function endLine(row: ResultRow, timing: TimingRow, paint: Paint): string {
  if (row.status === 'failed')
    return `${nameOf(row)} ${paint('red', 'failed')}: ${row.error.message} (${row.error.code})`
  return `${nameOf(row)}  ${paint('green', `top-1 ${format.percent(row.top1)}`)}  ${format.duration(timing.wallSeconds)}`
}
