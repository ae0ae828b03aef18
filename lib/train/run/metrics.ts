/**
 * metrics.jsonl: one line per step and per evaluation, in the order they happened.
 *
 * Lines are appended as they come. A process that dies can leave half a line at the end, and lines of steps after its
 * newest checkpoint. Resuming removes both, so that the file has a single history.
 */
import { closeSync, fstatSync, fsyncSync, writeSync } from 'node:fs'
import { writeFileAtomic } from '../../files/atomic'
import { ioError } from '../../files/io-error'
import { jsonLine } from '../../files/json'
import { openToAppend, readBytes, readLog } from '../../files/open'
import { counted } from '../../text/figures'

export interface StepLine {
  type: 'step'
  step: number
  epoch: number
  /** null if it was NaN or infinite and the step was skipped. */
  loss: number | null
  lr: number
  imagesPerSecond: number
  /** Seconds of training so far. */
  seconds: number
}

export interface EvalLine {
  type: 'eval'
  step: number
  epoch: number
  loss: number | null
  top1: number
  top5: number
  seconds: number
}

export type MetricsLine = StepLine | EvalLine

/**
 * Parses a metrics file. Leaves out an incomplete last line and all other lines that are not ours.
 *
 * @throws MbconvError ERR_IO
 */
export function readMetrics(path: string): MetricsLine[] {
  const lines: MetricsLine[] = []
  for (const text of readBytes(path, { op: 'readMetrics' }).toString('utf8').split('\n')) {
    const line = parseLine(text)
    if (line !== undefined) lines.push(line)
  }
  return lines
}

function parseLine(text: string): MetricsLine | undefined {
  try {
    const line = JSON.parse(text) as MetricsLine
    return (line?.type === 'step' || line?.type === 'eval') && Number.isSafeInteger(line.step) ? line : undefined
  } catch {
    return undefined
  }
}

/**
 * Cuts the file back to the state of a checkpoint. The file is replaced atomically, and only if something changes.
 *
 * @param lastStep newest step to keep
 * @param lastEvalStep newest evaluation to keep; the one at the checkpoint's own step may still follow
 */
export function cutMetrics(path: string, lastStep: number, lastEvalStep: number): void {
  const before = readLog(path, 'cutMetrics')
  const kept = before.split('\n').filter((text) => {
    const line = parseLine(text)
    return line !== undefined && line.step <= (line.type === 'step' ? lastStep : lastEvalStep)
  })
  const after = kept.map((line) => `${line}\n`).join('')
  if (after !== before) writeFileAtomic(path, after)
}

/** Bytes of lines that are kept while they cannot be written, about a day's worth. */
const MOST_KEPT = 16 * 2 ** 20

/**
 * Appends to a metrics file. A run matters more than its log: if the file cannot be written (a full disk, for example),
 * this class warns once, keeps the lines and retries with every new one. So the file is always a prefix of what it
 * should be. Only if too much accumulates are lines dropped, the oldest first.
 */
export class MetricsLog {
  #fd: number
  readonly #warn: (message: string) => void
  readonly #most: number
  /** Data still to be written, in order; the first piece may be the rest of a line. */
  #kept: Buffer[] = []
  #bytes = 0
  #isTorn = false
  #isTold = false
  #lost = 0

  /**
   * @param warn called with what cannot be written
   * @param most bytes that are kept for later writing
   * @throws MbconvError ERR_IO if the file cannot be opened
   */
  constructor(
    readonly path: string,
    warn: (message: string) => void,
    most = MOST_KEPT,
  ) {
    this.#fd = openToAppend(path, 'metrics')
    this.#warn = warn
    this.#most = most
  }

  append(line: MetricsLine): void {
    const bytes = Buffer.from(jsonLine(line))
    this.#kept.push(bytes)
    this.#bytes += bytes.length
    this.#attempt(() => this.#write())
    if (this.#bytes > this.#most) this.#forget()
  }

  /**
   * Forces the lines to the disk, so that a checkpoint has no steps that this file lacks. If that fails, the only harm
   * is a gap in the file when the run is resumed after a crash.
   */
  sync(): void {
    this.#attempt(() => {
      this.#write()
      fsyncSync(this.#fd)
      if (fstatSync(this.#fd).nlink > 0) return
      // Someone has removed the file: continue in a new one, if possible.
      const fd = openToAppend(this.path, 'metrics')
      closeSync(this.#fd)
      this.#fd = fd
      throw new Error('it was removed, with all lines up to here')
    })
  }

  /** Tries to write a last time, and warns about what is missing at the end. */
  settle(): void {
    this.sync()
    const missing = this.#lost + this.#kept.length
    if (missing > 0) this.#warn(`${this.path} lacks ${counted(missing, 'line')} at the end of the run`)
  }

  close(): void {
    closeSync(this.#fd)
  }

  #write(): void {
    while (this.#kept.length > 0) {
      const [piece] = this.#kept
      const done = writeSync(this.#fd, piece)
      this.#bytes -= done
      this.#isTorn = done < piece.length
      if (this.#isTorn) this.#kept[0] = piece.subarray(done)
      else this.#kept.shift()
    }
  }

  #attempt(write: () => void): void {
    try {
      write()
    } catch (error) {
      if (this.#isTold) return
      this.#isTold = true
      const { message } = ioError('write', this.path, error)
      this.#warn(`${message}; training goes on, and lines that cannot be written are tried again later`)
    }
  }

  /** Drops the older half of the kept lines, but not the rest of a line that is partly written. */
  #forget(): void {
    const first = this.#isTorn ? 1 : 0
    const gone = this.#kept.splice(first, Math.ceil((this.#kept.length - first) / 2))
    this.#lost += gone.length
    this.#bytes -= gone.reduce((sum, { length }) => sum + length, 0)
  }
}
