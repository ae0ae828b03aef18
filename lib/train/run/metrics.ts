/**
 * metrics.jsonl: one line per step and per evaluation, in the order they happened.
 *
 * Lines are appended as they come. A process that dies can leave half a line at the end, and lines of steps after its
 * newest checkpoint. Resuming removes both, so that the file has a single history.
 */
import { writeFileAtomic } from '../../files/atomic'
import { jsonLine } from '../../files/json'
import { readBytes, readLog } from '../../files/open'
import { AppendLog } from './append-log'
import type { Figures } from './score'

export interface StepLine {
  type: 'step'
  step: number
  epoch: number
  /** null if it was NaN or infinite and the step was skipped. */
  loss: number | null
  lr: number
  imagesPerSecond: number
  /** Share of the time that the step waited for data, 0 … 1. Files of older versions lack it, and the next field. */
  dataWait?: number
  /** Bytes of memory in use. */
  memory?: number
  /** Seconds of training so far. */
  seconds: number
}

export type EvalLine = Figures & {
  type: 'eval'
  step: number
  epoch: number
  loss: number | null
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

/** One line; undefined if it is incomplete, or not ours. */
export function parseLine(text: string): MetricsLine | undefined {
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

/** Appends to a metrics file. {@link AppendLog} says what becomes of lines that cannot be written. */
export class MetricsLog extends AppendLog<MetricsLine> {
  /**
   * @param most bytes that are kept for later writing
   * @throws MbconvError ERR_IO if the file cannot be opened
   */
  constructor(path: string, warn: (message: string) => void, most?: number) {
    super(path, warn, { noun: 'line', encode: (line) => Buffer.from(jsonLine(line)), most })
  }
}
