/**
 * metrics.jsonl: a line for each step and each evaluation, in the order they happened.
 *
 * Lines are appended as they come; a process that dies can leave half a line at the end, and lines of steps that its
 * newest checkpoint knows nothing of. Resuming cuts both away, so that the file tells one history.
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
  /** null where it was NaN or infinite and the step was skipped. */
  loss: number | null
  lr: number
  imagesPerSecond: number
  /** Seconds of training up to here. */
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
 * Parses a metrics file; a last line that was cut short is left out, as is anything else that is not a line of ours.
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
 * Cuts the file back to what a checkpoint knows. The file is replaced in one step, and only if something changes.
 *
 * @param lastStep newest step to keep
 * @param lastEvalStep newest evaluation to keep; the one at the checkpoint's own step may be yet to come
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

/** Bytes of lines that are kept while they cannot be written: a day's, say. */
const MOST_KEPT = 16 * 2 ** 20

/**
 * Appends to a metrics file. A run is worth more than its log: where the file cannot be written, a full disk say, this
 * says so once, keeps the lines and tries again with every further one, so that the file is at any moment the beginning
 * of what it should be. Only where that becomes too much are lines left out, the oldest first.
 */
export class MetricsLog {
  #fd: number
  readonly #warn: (message: string) => void
  readonly #most: number
  /** What is yet to be written, in order; the first piece may be the rest of a line. */
  #kept: Buffer[] = []
  #bytes = 0
  #isTorn = false
  #isTold = false
  #lost = 0

  /**
   * @param warn told of what cannot be written
   * @param most bytes that are kept to be written later
   * @throws MbconvError ERR_IO where the file cannot be opened
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
   * Forces the lines to the disk, so that a checkpoint knows no steps that this file has lost; where that fails, there
   * is a gap in the file when the run is resumed after a crash, and no harm to anything else.
   */
  sync(): void {
    this.#attempt(() => {
      this.#write()
      fsyncSync(this.#fd)
      if (fstatSync(this.#fd).nlink > 0) return
      // Someone has removed it; what follows goes into a new one, if there may be one.
      const fd = openToAppend(this.path, 'metrics')
      closeSync(this.#fd)
      this.#fd = fd
      throw new Error('it was removed, with all lines up to here')
    })
  }

  /** Tries a last time, and says what is missing at the end. */
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

  /** Leaves out the older half of what is kept, but not the rest of a line that has been begun. */
  #forget(): void {
    const first = this.#isTorn ? 1 : 0
    const gone = this.#kept.splice(first, Math.ceil((this.#kept.length - first) / 2))
    this.#lost += gone.length
    this.#bytes -= gone.reduce((sum, { length }) => sum + length, 0)
  }
}
