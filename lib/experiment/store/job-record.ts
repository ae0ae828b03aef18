/**
 * jobs/ARM-sSEED.json: the record of a job, in addition to its training run. It has the failed attempts and, when the job
 * is finished, its lines of results.jsonl and timings.jsonl. The process that watches the job writes it atomically.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { MbconvError } from '../../errors/error'
import { removeAll, removeDirectoryAtomic, writeFileAtomic } from '../../files/atomic'
import { statOf } from '../../files/folders'
import { readableJson } from '../../files/json'
import { readText } from '../../files/open'
import { RUN_FILES } from '../../train/run/folder'
import type { JobError, ResultRow, TimingRow } from '../types/types'
import { FILES } from './results'

export interface JobRecord {
  /** Errors of the failed attempts, oldest first. */
  failures: JobError[]
  /** Start of the current process, ms since 1970; null between two processes. */
  startedAt: number | null
  /** Total time of the processes so far, s. A process that was killed with its watcher counts up to its last output. */
  wallSeconds: number
  peakBytes: number | null
  /** Present when the job is finished. */
  outcome?: { row: ResultRow; timing: TimingRow }
}

export const jobsFolder = (folder: string) => join(folder, FILES.jobs)
export const runFolder = (folder: string, id: string) => join(folder, FILES.jobs, id)
export const logFile = (folder: string, id: string) => join(folder, FILES.jobs, `${id}.log`)
const recordFile = (folder: string, id: string) => join(folder, FILES.jobs, `${id}.json`)

/**
 * A job's record; a new one if there is none.
 *
 * @throws MbconvError ERR_IO, or ERR_DATA for a damaged file
 */
export function readRecord(folder: string, id: string): JobRecord {
  const path = recordFile(folder, id)
  if (!existsSync(path)) return { failures: [], startedAt: null, wallSeconds: 0, peakBytes: null }
  const text = readText(path, { op: 'readRecord' })
  try {
    const record = JSON.parse(text) as JobRecord
    if (!Array.isArray(record.failures)) throw new TypeError('it has no list of failures')
    return record
  } catch (cause) {
    throw new MbconvError('ERR_DATA', `${path} is damaged: ${(cause as Error).message}`, {
      cause,
      hint: 'Remove it: the job goes on from its newest checkpoint.',
    })
  }
}

export function writeRecord(folder: string, id: string, record: JobRecord): void {
  writeFileAtomic(recordFile(folder, id), readableJson(record))
}

export const removeRecord = (folder: string, id: string): void => removeAll(recordFile(folder, id))

/** Adds the time of a process that was killed together with its watcher, up to the last line it wrote. */
export function closeGap(folder: string, id: string, record: JobRecord): JobRecord {
  if (record.startedAt === null) return record
  const sign = statOf(join(runFolder(folder, id), RUN_FILES.metrics))?.mtimeMs ?? 0
  const seconds = Math.max(0, sign - record.startedAt) / 1000
  return { ...record, startedAt: null, wallSeconds: record.wallSeconds + seconds }
}

/** Removes the checkpoints and an empty log of a finished job. */
export function tidyJob(folder: string, id: string): void {
  const checkpoints = join(runFolder(folder, id), 'checkpoints')
  if (existsSync(checkpoints)) removeDirectoryAtomic(checkpoints)
  const log = logFile(folder, id)
  if (statOf(log)?.size === 0) removeAll(log)
}
