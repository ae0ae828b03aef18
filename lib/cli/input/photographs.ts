/** `mbconv train ./photos`: a folder of photographs in place of a configuration. */
import path from 'node:path'
import { type ConfigSource, parseConfigObject } from '../../config/file'
import type { TrainConfig, TrainConfigInput } from '../../config/train'
import { MbconvError } from '../../errors/error'
import { isPublishedName } from '../../models/weights/published'
import { planForPhotographs } from '../../photographs/plan'
import { RUN_FILES, readConfig } from '../../train/run/folder'
import { archNamed } from './model-name'
import { newestRun } from './runs'
import type { TrainingOptions } from './training-request'

/**
 * @param folder of the training images, as typed
 * @param overrides `--key=value` for keys of the chosen configuration
 * @param note tells the user what takes long
 * @throws MbconvError ERR_USAGE for an option, ERR_DATA for the folder, ERR_CONFIG for an override
 */
export async function photographsRequest(
  folder: string,
  overrides: string[],
  options: TrainingOptions,
  note: (text: string) => void,
): Promise<{ config: TrainConfig; source: Pick<ConfigSource, 'stem'>; reasons: string[] }> {
  const stem = path.basename(path.resolve(folder))
  if (options.resume) return { config: resumedConfigOf(stem, overrides, options), source: { stem }, reasons: [] }
  const { test, model, weights } = options
  const complete = (config: TrainConfigInput) => parseConfigObject(folder, config, overrides)
  const plan = await planForPhotographs({
    path: path.resolve(folder),
    test: test === undefined ? undefined : path.resolve(test),
    model: model === undefined ? undefined : archNamed(model).name,
    // A file is looked for in the working directory.
    weights: weights === undefined || isPublishedName(weights) ? weights : path.resolve(weights),
    epochs: epochsOf(options),
    minutes:
      options.minutes === undefined ? undefined : numberOf('minutes', options.minutes, MINUTES, 'a number above 0'),
    complete,
    note,
  })
  const config = complete(plan.config)
  const changed = overrides.length === 0 ? [] : [`as asked: ${overrides.join(' ')}`]
  return { config, source: { stem }, reasons: [...plan.reasons, ...changed] }
}

/** A resumed run goes on as it was planned, whatever would be chosen today; keys that may change are set. */
function resumedConfigOf(stem: string, overrides: string[], options: TrainingOptions): TrainConfig {
  for (const name of ['test', 'model', 'weights', 'minutes'] as const) {
    if (options[name] === undefined) continue
    const hint = 'a resumed run keeps its images, its network and its plan; start a new run for others'
    throw new MbconvError('ERR_USAGE', `--${name} has no effect with --resume`, { hint })
  }
  const folderOfRuns = overrideOf('run.dir', overrides) ?? 'runs'
  const name = overrideOf('run.name', overrides)
  const newest = () => (name === undefined ? newestRun(folderOfRuns, stem) : path.join(folderOfRuns, name))
  const runDir = options.resume === true ? newest() : options.resume
  if (!runDir) {
    throw new MbconvError('ERR_USAGE', `there is no run of ${stem} in ${path.resolve(folderOfRuns)} to resume`, {
      hint: 'name its folder: --resume RUN_DIR',
    })
  }
  const epochs = epochsOf(options)
  const all = epochs === undefined ? overrides : [`--epochs=${epochs}`, ...overrides]
  return parseConfigObject(path.join(runDir, RUN_FILES.config), readConfig(runDir), all)
}

/** The text of an override; the last one counts. */
function overrideOf(key: string, overrides: readonly string[]): string | undefined {
  const prefix = `--${key}=`
  return overrides
    .filter((text) => text.startsWith(prefix))
    .pop()
    ?.slice(prefix.length)
}

const MINUTES = /^(?!0*\.?0*$)\d{1,6}(\.\d+)?$/

const epochsOf = ({ epochs }: TrainingOptions): number | undefined =>
  epochs === undefined ? undefined : numberOf('epochs', epochs, /^[1-9]\d{0,5}$/, 'a whole number above 0')

function numberOf(name: string, text: string, form: RegExp, what: string): number {
  if (form.test(text)) return Number(text)
  throw new MbconvError('ERR_USAGE', `--${name} must be ${what}, not ${text}`)
}
