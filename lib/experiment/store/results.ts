/**
 * results.jsonl and timings.jsonl: one line for each finished job.
 *
 * A line is appended in one write and flushed to the disk. A crash in the middle leaves half a line at the end, which is
 * removed when the experiment resumes; the job's own record still has its content, see job-record.ts.
 */
import { closeSync, fsyncSync } from 'node:fs'
import { join } from 'node:path'
import { writeFileAtomic, writeFully } from '../../files/atomic'
import { ioError } from '../../files/io-error'
import { jsonLine } from '../../files/json'
import { openToAppend, readLog } from '../../files/open'
import { type StoredSeed, storedSeed } from '../../random/seed'
import type { ResultRow } from '../types/types'

export const FILES = {
  plan: 'experiment.json',
  results: 'results.jsonl',
  timings: 'timings.jsonl',
  estimate: 'estimate.json',
  jobs: 'jobs',
} as const

type Line = { arm: string; seed: StoredSeed }

const isLine = (value: unknown): value is Line =>
  typeof (value as Line | null)?.arm === 'string' && storedSeed((value as Line).seed) !== undefined

/** If a job has several lines, which only a crash can cause, the first one counts. */
function parse<T extends Line>(text: string): T[] {
  const lines = new Map<string, T>()
  for (const each of text.split('\n')) {
    try {
      const line = JSON.parse(each)
      if (isLine(line) && !lines.has(keyOf(line))) lines.set(keyOf(line), line as T)
    } catch {
      // Half a line, or the empty line at the end.
    }
  }
  return [...lines.values()]
}

export const keyOf = ({ arm, seed }: Line): string => `${arm}-s${seed}`

/**
 * The results of an experiment so far, in order of arrival.
 *
 * @param folder the experiment's
 * @throws MbconvError ERR_IO
 */
export const readResults = (folder: string): ResultRow[] => parse(readLog(join(folder, FILES.results), 'results'))

/** A file to which lines are appended. Only the holder of the experiment's lock may open one. */
export class LineFile<T extends Line> {
  readonly #path: string
  #fd: number
  readonly #there: Set<string>
  lines: T[]

  /** Removes half a line left by a crash. */
  constructor(path: string) {
    this.#path = path
    const before = readLog(path, 'results')
    this.lines = parse<T>(before)
    const whole = this.lines.map((line) => jsonLine(line)).join('')
    if (whole !== before) writeFileAtomic(path, whole)
    this.#there = new Set(this.lines.map(keyOf))
    this.#fd = openToAppend(this.#path, 'results')
  }

  /** Removes lines. */
  remove(unwanted: (line: T) => boolean): void {
    const kept = this.lines.filter((line) => !unwanted(line))
    closeSync(this.#fd)
    writeFileAtomic(this.#path, kept.map((line) => jsonLine(line)).join(''))
    this.#fd = openToAppend(this.#path, 'results')
    for (const line of this.lines) if (!kept.includes(line)) this.#there.delete(keyOf(line))
    this.lines = kept
  }

  /** Adds a line unless the job has one. */
  add(line: T): void {
    if (this.#there.has(keyOf(line))) return
    try {
      writeFully(this.#fd, Buffer.from(jsonLine(line)))
      fsyncSync(this.#fd)
    } catch (error) {
      throw ioError('write', this.#path, error)
    }
    this.#there.add(keyOf(line))
    this.lines.push(line)
  }

  has(line: Line): boolean {
    return this.#there.has(keyOf(line))
  }

  close(): void {
    closeSync(this.#fd)
  }
}
