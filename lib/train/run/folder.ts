/** A run's folder: its name, the paths inside it, and the configuration it stores. */
import { existsSync, rmdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { formerDropPathHint } from '../../config/model-table'
import { parseConfig, type TrainConfig } from '../../config/train'
import { datasetKinds, fileKeys } from '../../data/sources/kinds'
import { MbconvError } from '../../errors/error'
import { writeFileAtomic } from '../../files/atomic'
import { makeFolder, makeNewFolder } from '../../files/folders'
import { readableJson } from '../../files/json'
import { readText } from '../../files/open'
import { differingKeys } from '../../schema/values'
import type { Checkpoint } from './checkpoint'

export const RUN_FILES = {
  config: 'config.json',
  metrics: 'metrics.jsonl',
  result: 'result.json',
  samples: 'samples.json',
} as const

/** 2025-03-09T14:05:07 as 20250309-140507, local time. */
function timestamp(now: Date): string {
  const two = (n: number) => String(n).padStart(2, '0')
  const day = `${now.getFullYear()}${two(now.getMonth() + 1)}${two(now.getDate())}`
  return `${day}-${two(now.getHours())}${two(now.getMinutes())}${two(now.getSeconds())}`
}

/**
 * Makes the folder of a new run. A name from the configuration must be free. A name made from model, data set and time
 * gets a number if another run began in the same second.
 *
 * @returns the absolute path of the new, empty folder
 * @throws MbconvError ERR_CONFIG if the name is taken, ERR_IO
 */
export function makeRunFolder(config: TrainConfig, now = new Date()): string {
  const base = resolve(config.run.dir)
  const wanted = config.run.name ?? `${config.model.name}-${config.data.dataset}-${timestamp(now)}`
  makeFolder(base)
  for (let attempt = 1; ; attempt++) {
    const path = join(base, attempt === 1 ? wanted : `${wanted}-${attempt}`)
    if (makeNewFolder(path)) return path
    if (config.run.name !== null) {
      throw new MbconvError('ERR_CONFIG', `run.name: ${path} exists already`, {
        hint: 'Choose another name, or resume that run.',
      })
    }
  }
}

/** Removes a folder that nothing was written to. */
export function removeEmptyRunFolder(path: string): void {
  try {
    rmdirSync(path)
  } catch {
    // It has content after all, so keep it.
  }
}

export function writeConfig(runDir: string, config: TrainConfig): void {
  writeFileAtomic(join(runDir, RUN_FILES.config), readableJson(config))
}

/**
 * The configuration a run was started with.
 *
 * @throws MbconvError ERR_CHECKPOINT if `runDir` is not a run's folder or its configuration is damaged
 */
export function readConfig(runDir: string): TrainConfig {
  const path = join(runDir, RUN_FILES.config)
  if (!existsSync(path)) {
    throw new MbconvError('ERR_CHECKPOINT', `${runDir} is not the folder of a run: it has no ${RUN_FILES.config}`)
  }
  try {
    return parseConfig(JSON.parse(readText(path, { op: 'readConfig' })))
  } catch (error) {
    throw new MbconvError('ERR_CHECKPOINT', `${path} cannot be used: ${(error as Error).message}`, { cause: error })
  }
}

/** Keys that may change when resuming, because the steps already done do not depend on them. */
const FREE_KEYS = new Set([
  'device',
  'threads',
  'epochs',
  'maxSteps',
  'evalEveryEpochs',
  'earlyStopping',
  'cudaGraph',
  'model.recompute',
  'checkpoint',
  'onDivergence',
  'run',
  'log',
  'data.evalBatchSize',
  'data.loaderThreads',
  'data.maxUnreadable',
  ...datasetKinds().flatMap((kind) => fileKeys(kind).map((key) => `data.${key}`)),
])

/** The keys in which two configurations differ, free ones left out. */
const differences = (a: TrainConfig, b: TrainConfig) => differingKeys(a, b, (key) => FREE_KEYS.has(key))

/**
 * Refuses to resume if config.json differs from the configuration of the checkpoint's steps in more than free keys: a
 * user can edit config.json, but not the checkpoint's own record.
 *
 * @param path of the configuration, for the message
 * @throws MbconvError ERR_CONFIG naming every key that may not change, with both values
 */
export function checkUnedited(path: string, config: TrainConfig, checkpoint: Checkpoint): void {
  const record = checkpoint.state.config
  const changed = differences(record, config)
  if (changed.length === 0) return
  const values = changed.map((key) => `${key} is ${valueAt(config, key)}, and was ${valueAt(record, key)}`)
  throw new MbconvError(
    'ERR_CONFIG',
    `a resumed run cannot change ${changed.join(', ')}: in ${path} ${values.join('; ')} when ${checkpoint.path} was saved`,
    { hint: 'Put these keys back as they were, or start a new run.' },
  )
}

/** The value at a dotted key, as JSON. */
function valueAt(config: TrainConfig, key: string): string {
  const value = key
    .split('.')
    .reduce<unknown>((at, name) => (at as Record<string, unknown> | undefined)?.[name], config)
  return value === undefined ? 'left out' : JSON.stringify(value)
}

/**
 * The configuration to resume a run with. Length, device and bookkeeping may change (see FREE_KEYS). Everything that
 * the steps already done depend on may not.
 *
 * @param stored the run's own configuration
 * @param asked the caller's configuration; undefined: the run's own
 * @throws MbconvError ERR_CONFIG naming every key that may not change
 */
export function resumedConfig(stored: TrainConfig, asked: TrainConfig | undefined): TrainConfig {
  if (asked === undefined) return stored
  // Null where a file of weights decided the profile when the run began.
  const profile = asked.model.profile ?? stored.model.profile
  const settled = { ...asked, model: { ...asked.model, profile } }
  const changed = differences(stored, settled)
  if (changed.length > 0) {
    const hints = ['Start a new run, or leave these keys as they were.']
    const former = formerDropPathHint('run', 'model.dropPath', stored.model, asked.model)
    if (former !== undefined) hints.splice(0, changed.length === 1 ? 1 : 0, former)
    throw new MbconvError('ERR_CONFIG', `a resumed run cannot change ${changed.join(', ')}`, { hint: hints.join(' ') })
  }
  // The run stays in its folder, whatever a new run would be called.
  return { ...settled, run: stored.run }
}
