/** The request of `mbconv train`: its words and options, and the resulting configuration. */
import { existsSync } from 'node:fs'
import path from 'node:path'
import { parseConfigFile } from '../../config/file'
import type { TrainConfig } from '../../config/train'
import { MbconvError } from '../../errors/error'
import { isFolder } from '../../files/folders'
import { nearest } from '../../text/nearest'
import { photographsRequest } from './photographs'
import { freeRunName, newestRun } from './runs'

export interface TrainingRequest {
  /** The configuration's file or the folder of photographs, as typed. */
  file: string
  /** Includes the name of a new run. */
  config: TrainConfig
  /** The folder of the run to resume. */
  resumed: string | undefined
  /** Why the configuration is what it is, if it was chosen here. */
  reasons: string[]
}

/** Options of `mbconv train`, as typed. For a configuration file they set keys of the same names. */
export interface TrainingOptions {
  /** True: the newest run of this configuration; text: that run. */
  resume?: boolean | string
  test?: string
  model?: string
  weights?: string
  epochs?: string
  minutes?: string
  printConfig?: boolean
}

/** The options that describe the training of a folder of photographs. */
const CHOICES = ['test', 'model', 'weights', 'epochs', 'minutes'] as const

/**
 * @param words a file or a folder of photographs, and `--key=value` for keys of the configuration
 * @param note tells the user what takes long
 * @throws MbconvError ERR_USAGE, ERR_CONFIG; ERR_DATA for a folder without images of at least two classes
 */
export async function trainingRequest(
  words: string[],
  options: TrainingOptions,
  note: (text: string) => void,
): Promise<TrainingRequest> {
  const given = sorted(words, options)
  const { file } = given
  const parsed = given.isPhotographs
    ? await photographsRequest(file, given.overrides, { ...options, resume: given.resume }, note)
    : { ...parseConfigFile(file, [...choicesAsKeys(options), ...given.overrides]), reasons: [] }
  const { config, source, reasons } = parsed
  const resumed = given.resume === true ? newestRunOf(config, source.stem) : given.resume || undefined
  // A printed configuration is for more than one run.
  if (!resumed && config.run.name === null && !options.printConfig)
    config.run.name = freeRunName(config.run.dir, source.stem)
  return { file, config, resumed, reasons }
}

/** `--epochs 20` as the key of a configuration file. Options that are no keys are refused like unknown keys. */
const choicesAsKeys = (options: TrainingOptions): string[] =>
  CHOICES.flatMap((name) => (options[name] === undefined ? [] : [`--${name}=${options[name]}`]))

/** The parsed words. */
interface Words {
  /** The configuration's file, or the folder of photographs. */
  file: string
  isPhotographs?: boolean
  overrides: string[]
  resume?: boolean | string
}

/** Whether a path is a folder, and not that of a run. */
const isPhotographs = (file: string): boolean => isFolder(file) && !existsSync(path.join(file, 'config.json'))

/**
 * Sorts the words after `train` into a file and keys. The parser does not know the keys of a configuration, so it
 * passes all of them here. It also takes the file in `--resume run.yaml` for the folder of a run.
 */
function sorted(words: string[], { resume }: TrainingOptions): Words {
  const overrides = words.filter((word) => word.startsWith('--') && word.includes('='))
  const strange = words.find((word) => word.startsWith('-') && !overrides.includes(word))
  if (strange) {
    const near = nearest(strange, [
      '--json',
      '--quiet',
      '--resume',
      '--help',
      '--print-config',
      ...CHOICES.map((name) => `--${name}`),
    ])
    const next = words[words.indexOf(strange) + 1]
    // The next word may be its value, unless a file has that name.
    const value = next === undefined || next.startsWith('-') || existsSync(next) ? 'VALUE' : next
    const hint = near ? `did you mean ${near}?` : `a configuration key takes its value behind "=": ${strange}=${value}`
    throw new MbconvError('ERR_USAGE', `unknown option ${strange}`, { hint })
  }
  const files = words.filter((word) => !overrides.includes(word))
  if (files.length === 0 && typeof resume === 'string') {
    // An existing file is a configuration, whatever its name. If nothing exists there, the extension decides.
    if (isPhotographs(resume)) return { file: resume, isPhotographs: true, overrides, resume: true }
    const isFile = existsSync(resume) && !isFolder(resume)
    if (isFile || /\.ya?ml$/i.test(resume)) return { file: resume, overrides, resume: true }
    // A run keeps its initial configuration.
    if (!isFolder(resume)) throw new MbconvError('ERR_USAGE', `--resume: there is no folder ${resume}`)
    return { file: path.join(resume, 'config.json'), overrides, resume }
  }
  if (files.length !== 1)
    throw new MbconvError(
      'ERR_USAGE',
      files.length === 0 ? 'no configuration given' : `one configuration at a time, not ${files.length}`,
      { hint: 'for example: mbconv train digits, or mbconv train ./photos for a folder of images' },
    )
  const [file] = files
  if (isPhotographs(file)) return { file, isPhotographs: true, overrides, resume }
  if (resume === true && isFolder(file)) return { file: path.join(file, 'config.json'), overrides, resume: file }
  return { file, overrides, resume }
}

function newestRunOf({ run }: TrainConfig, stem: string): string {
  const found = run.name === null ? newestRun(run.dir, stem) : path.join(run.dir, run.name)
  if (found) return found
  throw new MbconvError('ERR_USAGE', `there is no run of ${stem} in ${path.resolve(run.dir)} to resume`, {
    hint: 'name its folder: --resume RUN_DIR',
  })
}
