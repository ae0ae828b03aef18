/**
 * metrics.jsonl: a line for each step and each evaluation, in the order they happened.
 *
 * Lines are appended as they come; a process that dies can leave half a line at the end, and lines of steps that its
 * newest checkpoint knows nothing of. Resuming cuts both away, so that the file tells one history.
 */
import { closeSync, fsyncSync } from 'node:fs'
import { ioError, writeFileAtomic, writeFully } from '../io/atomic'
import { jsonLine } from '../io/json'
import { openToAppend, readBytes, readLog } from '../io/open'

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

/** Appends to a metrics file. */
export class MetricsLog {
  readonly #fd: number

  constructor(readonly path: string) {
    this.#fd = openToAppend(path, 'metrics')
  }

  append(line: MetricsLine): void {
    try {
      writeFully(this.#fd, Buffer.from(jsonLine(line)))
    } catch (error) {
      throw ioError('write', this.path, error)
    }
  }

  /** Forces the lines to the disk; a checkpoint must not know steps that this file has lost. */
  sync(): void {
    try {
      fsyncSync(this.#fd)
    } catch (error) {
      throw ioError('write', this.path, error)
    }
  }

  close(): void {
    closeSync(this.#fd)
  }
}
