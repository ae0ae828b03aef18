/** `mbconv train ./photos`: a folder of photographs in place of a configuration. */
import path from 'node:path'
import { type ConfigSource, parseConfigObject } from '../../config/file'
import { planForPhotographs } from '../../config/for-photographs'
import type { TrainConfig } from '../../config/train'
import { MbconvError } from '../../errors/error'
import { readConfig } from '../../train/run/folder'
import { archNamed } from './model-name'
import { newestRun } from './runs'
import type { TrainingOptions } from './training-request'

/**
 * @param folder of the training images, as typed
 * @param overrides `--key=value` for keys of the chosen configuration
 * @throws MbconvError ERR_USAGE for an option, ERR_DATA for the folder, ERR_CONFIG for an override
 */
export function photographsRequest(
  folder: string,
  overrides: string[],
  { resume, test, model, weights, epochs, minutes }: TrainingOptions,
): { config: TrainConfig; source: Pick<ConfigSource, 'stem'>; reasons: string[] } {
  const stem = path.basename(path.resolve(folder))
  const runDir = resume === true ? newestRun('runs', stem) : undefined
  // A resumed run goes on as it was planned, whatever would be chosen today.
  if (runDir !== undefined) return { config: readConfig(runDir), source: { stem }, reasons: [] }
  const plan = planForPhotographs({
    path: path.resolve(folder),
    test: test === undefined ? undefined : path.resolve(test),
    model: model === undefined ? undefined : archNamed(model).name,
    weights,
    epochs: epochs === undefined ? undefined : numberOf('epochs', epochs, /^[1-9]\d{0,5}$/, 'a whole number above 0'),
    minutes:
      minutes === undefined
        ? undefined
        : numberOf('minutes', minutes, /^(?!0*\.?0*$)\d{1,6}(\.\d+)?$/, 'a number above 0'),
  })
  const config = parseConfigObject(folder, plan.config, overrides)
  const changed = overrides.length === 0 ? [] : [`as asked: ${overrides.join(' ')}`]
  return { config, source: { stem }, reasons: [...plan.reasons, ...changed] }
}

function numberOf(name: string, text: string, form: RegExp, what: string): number {
  if (form.test(text)) return Number(text)
  throw new MbconvError('ERR_USAGE', `--${name} must be ${what}, not ${text}`)
}
