/**
 * Checkpoints: folders `checkpoints/step-000123` of a run, each complete or absent.
 *
 *     model.safetensors      the weights and batch-norm statistics
 *     ema.safetensors        their moving average, where one is kept
 *     optimizer.safetensors  the optimiser's state
 *     state.json             everything else that the next step depends on, and the SHA-256 of the files above
 *
 * A folder is filled under a temporary name, forced to the disk and renamed, so a process that dies leaves no
 * incomplete one. The checksums reveal later damage (a faulty disk, an interrupted copy).
 */
import { createHash } from 'node:crypto'
import { closeSync, existsSync, readSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { MbconvError } from '../../errors/error'
import { publishDirectory, removeDirectoryAtomic, writeFileDurable } from '../../files/atomic'
import { isFolder, listFolder, makeFolder } from '../../files/folders'
import { ioError } from '../../files/io-error'
import { openFile } from '../../files/open'
import { encode, read, type SafetensorsFile } from '../../io/safetensors'
import type { Tensor } from '../../tensor/core/tensor'
import {
  broken,
  encodeState,
  PARTS,
  type Part,
  type PartFiles,
  readState,
  STATE_FILE,
  type TrainState,
} from './checkpoint-state'

const FOLDER_NAME = /^step-(\d{6,15})$/

/** A checkpoint whose files have been verified. */
export interface Checkpoint {
  path: string
  state: TrainState
  /** The parts it has. */
  parts: Part[]
}

export function checkpointPath(runDir: string, step: number): string {
  return join(runDir, 'checkpoints', `step-${String(step).padStart(6, '0')}`)
}

/**
 * Saves a checkpoint and returns its folder. Replaces one of the same step.
 *
 * @throws MbconvError ERR_IO; the run's other checkpoints are then unchanged
 */
export function saveCheckpoint(
  runDir: string,
  state: TrainState,
  parts: { model: Record<string, Tensor>; ema?: Record<string, Tensor>; optimizer: Record<string, Tensor> },
  metadata: Record<string, string> = {},
): string {
  const path = checkpointPath(runDir, state.step)
  publishDirectory(path, (folder) => {
    const files: PartFiles = {}
    for (const part of PARTS) {
      const tensors = parts[part]
      if (tensors === undefined) continue
      const hash = createHash('sha256')
      let bytes = 0
      const hashed = function* () {
        for (const piece of encode(tensors, metadata, { checksum: true })) {
          hash.update(piece)
          bytes += piece.byteLength
          yield piece
        }
      }
      writeFileDurable(join(folder, `${part}.safetensors`), hashed())
      files[part] = { bytes, sha256: hash.digest('hex') }
    }
    writeFileDurable(join(folder, STATE_FILE), encodeState(state, files))
  })
  return path
}

function sha256OfFile(path: string): { bytes: number; sha256: string } {
  const hash = createHash('sha256')
  const buffer = Buffer.allocUnsafe(1 << 20)
  const fd = openFile(path, 'checkpoint')
  try {
    let bytes = 0
    for (;;) {
      const got = readSync(fd, buffer, 0, buffer.byteLength, null)
      if (got === 0) return { bytes, sha256: hash.digest('hex') }
      hash.update(buffer.subarray(0, got))
      bytes += got
    }
  } finally {
    closeSync(fd)
  }
}

/**
 * Verifies every byte of a checkpoint folder.
 *
 * @throws MbconvError ERR_CHECKPOINT naming the file and the problem
 */
export function openCheckpoint(path: string): Checkpoint {
  const { state, files } = readState(path)
  const parts = PARTS.filter((part) => files[part] !== undefined)
  for (const part of parts) {
    const file = join(path, `${part}.safetensors`)
    const expected = files[part]!
    let found: { bytes: number; sha256: string }
    try {
      found = sha256OfFile(file)
    } catch (error) {
      throw broken(path, `incomplete (${ioError('read', file, error).message})`, error)
    }
    if (found.bytes !== expected.bytes) throw broken(file, `has ${found.bytes} bytes, not ${expected.bytes}`)
    if (found.sha256 !== expected.sha256) throw broken(file, 'its checksum does not fit')
  }
  return { path, state, parts }
}

/** Reads one part's tensors. The caller disposes them. */
export function readPart(checkpoint: Checkpoint, part: Part): SafetensorsFile {
  return read(join(checkpoint.path, `${part}.safetensors`))
}

/** The run's checkpoint folders, newest first, including damaged ones. */
export function listCheckpoints(runDir: string): { step: number; path: string }[] {
  const folder = join(runDir, 'checkpoints')
  if (!existsSync(folder)) return []
  return listFolder(folder)
    .map(({ name }) => ({ match: FOLDER_NAME.exec(name), path: join(folder, name) }))
    .filter(({ match }) => match !== null)
    .map(({ match, path }) => ({ step: Number(match![1]), path }))
    .sort((a, b) => b.step - a.step)
}

/**
 * The newest valid checkpoint of a run; undefined if there is no checkpoint folder at all.
 *
 * @param warn called for every newer checkpoint that is damaged
 * @throws MbconvError ERR_CHECKPOINT if there are checkpoints and all are damaged
 */
export function newestCheckpoint(runDir: string, warn: (message: string) => void = () => {}): Checkpoint | undefined {
  let last: unknown
  for (const { path } of listCheckpoints(runDir)) {
    try {
      return openCheckpoint(path)
    } catch (error) {
      if (!(error instanceof MbconvError)) throw error
      last = error
      warn(`checkpoint skipped: ${error.message}`)
    }
  }
  if (last === undefined) return undefined
  throw new MbconvError('ERR_CHECKPOINT', `${runDir}: no checkpoint is whole; the oldest: ${(last as Error).message}`, {
    cause: last,
  })
}

/**
 * The checkpoint of a run's best evaluation, as far as checkpoints are kept; undefined if there is none, or none is
 * valid.
 *
 * @param warn called for every better checkpoint that is damaged or missing
 */
function bestCheckpoint(runDir: string, warn: (message: string) => void): Checkpoint | undefined {
  for (const { step } of keptEvaluations(runDir)) {
    try {
      return openCheckpoint(checkpointPath(runDir, step))
    } catch (error) {
      if (!(error instanceof MbconvError)) throw error
      warn(`checkpoint skipped: ${error.message}`)
    }
  }
  return undefined
}

/** The evaluations whose checkpoints a run keeps as its best, by the newest readable state, best first. */
export function keptEvaluations(runDir: string): TrainState['kept'] {
  for (const { path } of listCheckpoints(runDir)) {
    try {
      return readState(path).state.kept
    } catch (error) {
      if (!(error instanceof MbconvError)) throw error
    }
  }
  return []
}

/** The newest of the runs beside a path that are called like it, with a time behind: `digits-20261124-064702`. */
function newestNamed(path: string): string | undefined {
  const prefix = `${basename(path)}-`
  const isNamed = (name: string) => name.startsWith(prefix) && /^\d{8}-\d{6}(-\d+)?$/.test(name.slice(prefix.length))
  try {
    const names = listFolder(dirname(path)).map(({ name }) => name)
    return names.filter(isNamed).sort().at(-1)
  } catch {
    return undefined // It is only for a hint.
  }
}

/** A checkpoint, and why it was taken: named itself, or as the best or the newest one of its run. */
export type FoundCheckpoint = Checkpoint & { chosen: 'named' | 'best' | 'newest' }

/**
 * The checkpoint at a path: a checkpoint's own folder, or that of a run's best evaluation. A run that keeps no best
 * checkpoint (checkpoint.best is 0, or an older version made it) gives its newest valid one.
 *
 * @param warn called for every checkpoint that would have been taken but is damaged
 * @throws MbconvError ERR_CHECKPOINT if there is none
 */
export function findCheckpoint(runOrCheckpoint: string, warn: (message: string) => void = () => {}): FoundCheckpoint {
  if (typeof runOrCheckpoint !== 'string' || runOrCheckpoint === '') {
    throw new MbconvError('ERR_TYPE', 'the run or checkpoint must be the path of its folder')
  }
  const path = resolve(runOrCheckpoint)
  if (!isFolder(path)) {
    const named = newestNamed(path)
    const hint = named && `the newest run of that name is ${join(dirname(runOrCheckpoint), named)}`
    throw new MbconvError('ERR_CHECKPOINT', `${runOrCheckpoint}: no such run or checkpoint folder`, { hint })
  }
  if (existsSync(join(path, STATE_FILE)) || FOLDER_NAME.test(basename(path))) {
    return { ...openCheckpoint(path), chosen: 'named' }
  }
  const best = bestCheckpoint(path, warn)
  if (best !== undefined) return { ...best, chosen: 'best' }
  const newest = newestCheckpoint(path, warn)
  if (newest !== undefined) return { ...newest, chosen: 'newest' }
  throw new MbconvError('ERR_CHECKPOINT', `${runOrCheckpoint}: holds no checkpoint`, {
    hint: 'Give the folder of a run, or one of its checkpoints/step-… folders.',
  })
}

/**
 * Removes all but the newest `keep` checkpoints up to `step`. Checkpoints of later steps belong to another history.
 *
 * @param spared steps whose checkpoints stay in any case
 */
export function pruneCheckpoints(runDir: string, keep: number, step: number, spared: readonly number[] = []): void {
  const old = listCheckpoints(runDir).filter((checkpoint) => checkpoint.step <= step)
  for (const checkpoint of old.slice(keep)) {
    if (!spared.includes(checkpoint.step)) removeDirectoryAtomic(checkpoint.path)
  }
}

/** Makes the folder for checkpoints. */
export function makeCheckpointsFolder(runDir: string): void {
  makeFolder(join(runDir, 'checkpoints'))
}
