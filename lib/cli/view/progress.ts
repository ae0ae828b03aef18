/**
 * Shows the progress of training on stderr: on a terminal one redrawn line, otherwise one line per epoch.
 */
import type { EvalEvent, StartEvent, StepEvent } from '../../train/record/events'
import * as format from './format'
import { onTerminal, type Paint, painter, wantsColor, wantsUnicode, widthOf } from './output'

/** The events that update a progress display. */
export type ProgressEvent = StartEvent | StepEvent | EvalEvent

export interface Progress {
  event(event: ProgressEvent): void
  /** Prints lines that stay. */
  note(...lines: string[]): void
  /** Ends the drawing. */
  end(): void
}

export interface ProgressStream {
  write(text: string): unknown
  isTTY?: boolean
  columns?: number
}

/** Writes lines after making them printable. */
export function writeLines(stream: ProgressStream, lines: readonly string[], colored = wantsColor(stream)): void {
  stream.write(lines.map((line) => `${onTerminal(line, colored)}\n`).join(''))
}

/** The display for a kind of stream. `now` gives milliseconds, for tests. */
export function createProgress(
  stream: ProgressStream,
  {
    quiet = false,
    env = process.env,
    now = Date.now,
  }: { quiet?: boolean; env?: NodeJS.ProcessEnv; now?: () => number } = {},
): Progress {
  if (quiet) return { event: () => {}, note: (...lines) => writeLines(stream, lines), end: () => {} }
  if (stream.isTTY && env.TERM !== 'dumb') return new BarProgress(stream, env, now)
  return new LineProgress(stream, now)
}

/** The epoch of a step, counted from 1. */
const epochOf = (step: number, { stepsPerEpoch }: StartEvent) => Math.max(1, Math.ceil(step / stepsPerEpoch))

/** `step  12/805`, padded to constant width. */
const counter = (what: string, done: number, all: number) =>
  `${what} ${String(done).padStart(String(all).length)}/${all}`

/** `waits 12 % for data`, if that is a hundredth of the time or more. */
const waiting = ({ dataWait }: StepEvent): string[] =>
  dataWait >= 0.01 ? [`waits ${format.percent(dataWait, 0)} for data`] : []

/** Seconds until the last step, at the speed so far. NaN before the first step. */
function secondsLeft(run: StartEvent, { step }: StepEvent, seconds: number): number {
  const done = step - run.startStep
  return done > 0 ? (seconds / done) * (run.steps - step) : Number.NaN
}

/** Milliseconds between redraws: ten a second look live and cost nothing. */
const INTERVAL = 100

class BarProgress implements Progress {
  private run?: StartEvent
  private startedAt = 0
  private drawnAt = Number.NEGATIVE_INFINITY
  private drawn = false
  private last?: StepEvent
  private smoothLoss = Number.NaN
  private score?: string
  private readonly paint: Paint
  private readonly colored: boolean
  private readonly unicode: boolean

  constructor(
    private readonly stream: ProgressStream,
    env: NodeJS.ProcessEnv,
    private readonly now: () => number,
  ) {
    this.colored = wantsColor(stream, env)
    this.paint = painter(this.colored)
    this.unicode = wantsUnicode(env)
  }

  event(event: ProgressEvent): void {
    if (event.type === 'start') {
      this.run = event
      this.startedAt = this.now()
    } else if (event.type === 'step') {
      this.last = event
      // A single batch's loss fluctuates, so show the trend. A NaN shows at once.
      this.smoothLoss = Number.isNaN(this.smoothLoss) ? event.loss : 0.9 * this.smoothLoss + 0.1 * event.loss
    } else this.score = format.figures(event)[0]
    const now = this.now()
    if (now - this.drawnAt >= INTERVAL || event.type === 'eval') this.draw(now)
  }

  note(...lines: string[]): void {
    this.clear()
    writeLines(this.stream, lines, this.colored)
    if (this.last) this.draw(this.now())
  }

  end(): void {
    this.clear()
    this.last = undefined
  }

  private clear(): void {
    if (this.drawn) this.stream.write('\r\u001b[K')
    this.drawn = false
  }

  private draw(now: number): void {
    const { run, last } = this
    if (!run || !last) return
    const remaining = secondsLeft(run, last, (now - this.startedAt) / 1000)
    // In order of importance: fields that do not fit the terminal are dropped from the end.
    const fields = [
      counter('epoch', epochOf(last.step, run), run.epochs),
      `loss ${format.loss(this.smoothLoss)}`,
      ...(this.score === undefined ? [] : [this.paint('green', this.score)]),
      `${format.clock(remaining)} left`,
      `${format.whole(last.imagesPerSecond)} images/s`,
      ...waiting(last),
      counter('step', last.step, run.steps),
      `lr ${format.rate(last.lr)}`,
      format.memory(last.memory),
    ]
    // Leave room for the ^C that a terminal echoes: a wrapped line could not be erased.
    const width = (this.stream.columns || 80) - 3
    const gap = 2
    let kept = fields
    const barRoom = () => width - kept.reduce((sum, field) => sum + widthOf(field) + gap, 0)
    while (kept.length > 1 && barRoom() < 10) kept = kept.slice(0, -1)
    const room = Math.min(40, barRoom())
    const [epoch, ...rest] = kept
    const parts = room >= 4 ? [epoch, this.bar(last.step / run.steps, room), ...rest] : kept
    this.stream.write(`\r${onTerminal(parts.join('  '), this.colored)}\u001b[K`)
    this.drawnAt = now
    this.drawn = true
  }

  private bar(share: number, width: number): string {
    const filled = Math.round(Math.min(1, Math.max(0, share)) * width)
    const [full, rest] = this.unicode ? ['━', '─'] : ['#', '.']
    return this.paint('cyan', full.repeat(filled)) + this.paint('dim', rest.repeat(width - filled))
  }
}

class LineProgress implements Progress {
  private run?: StartEvent
  private startedAt = 0
  private epoch = 0
  private losses: number[] = []
  private last?: StepEvent

  constructor(
    private readonly stream: ProgressStream,
    private readonly now: () => number,
  ) {}

  event(event: ProgressEvent): void {
    if (event.type === 'start') {
      this.run = event
      this.startedAt = this.now()
      return
    }
    if (event.type === 'eval') {
      this.flush([`test loss ${format.loss(event.loss)}`, ...format.figures(event)])
      return
    }
    const epoch = this.run ? epochOf(event.step, this.run) : 0
    if (epoch !== this.epoch) this.flush([])
    this.epoch = epoch
    this.losses.push(event.loss)
    this.last = event
  }

  note(...lines: string[]): void {
    writeLines(this.stream, lines)
  }

  end(): void {
    this.flush([])
  }

  /** Writes the epoch's line, with the evaluation at its end if there was one. */
  private flush(evaluation: string[]): void {
    const { last, run } = this
    if (!run || (this.losses.length === 0 && evaluation.length === 0)) return
    const fields: string[] = []
    if (last && this.losses.length > 0) {
      const mean = this.losses.reduce((sum, value) => sum + value, 0) / this.losses.length
      fields.push(
        counter('epoch', epochOf(last.step, run), run.epochs),
        counter('step', last.step, run.steps),
        `loss ${format.loss(mean)}`,
        `lr ${format.rate(last.lr).padEnd(6)}`,
        `${format.whole(last.imagesPerSecond)} images/s`,
        ...waiting(last),
        format.memory(last.memory),
      )
      const left = secondsLeft(run, last, (this.now() - this.startedAt) / 1000)
      if (last.step < run.steps) fields.push(`${format.clock(left)} left`)
    }
    writeLines(this.stream, [[...fields, ...evaluation].join('  ')])
    this.losses = []
  }
}
