/** The request of `mbconv train`: its words, and the resulting configuration. */
import { existsSync } from 'node:fs'
import path from 'node:path'
import { parseConfigFile } from '../../config/file'
import type { TrainConfig } from '../../config/train'
import { MbconvError } from '../../errors/error'
import { isFolder } from '../../files/folders'
import { nearest } from '../../text/nearest'
import { freeRunName, newestRun } from './runs'

export interface TrainingRequest {
  /** The configuration's file, as typed. */
  file: string
  /** Includes the name of a new run. */
  config: TrainConfig
  /** The folder of the run to resume. */
  resumed: string | undefined
}

/**
 * @param words a file and `--key=value` for keys of it
 * @param resume true: the newest run of this configuration; text: that run
 * @throws MbconvError ERR_USAGE or ERR_CONFIG
 */
export function trainingRequest(words: string[], resume: boolean | string | undefined): TrainingRequest {
  const given = sorted(words, resume)
  const { config, source } = parseConfigFile(given.file, given.overrides)
  const resumed = given.resume === true ? newestRunOf(config, source.stem) : given.resume || undefined
  if (!resumed && config.run.name === null) config.run.name = freeRunName(config.run.dir, source.stem)
  return { file: given.file, config, resumed }
}

/** The parsed words. */
interface Words {
  /** The configuration's file. */
  file: string
  overrides: string[]
  resume?: boolean | string
}

/**
 * Sorts the words after `train` into a file and keys. The parser does not know the keys of a configuration, so it
 * passes all of them here. It also takes the file in `--resume run.yaml` for the folder of a run.
 */
function sorted(words: string[], resume: boolean | string | undefined): Words {
  const overrides = words.filter((word) => word.startsWith('--') && word.includes('='))
  const strange = words.find((word) => word.startsWith('-') && !overrides.includes(word))
  if (strange) {
    const near = nearest(strange, ['--json', '--quiet', '--resume', '--help'])
    const next = words[words.indexOf(strange) + 1]
    // The next word may be its value, unless a file has that name.
    const value = next === undefined || next.startsWith('-') || existsSync(next) ? 'VALUE' : next
    const hint = near ? `did you mean ${near}?` : `a configuration key takes its value behind "=": ${strange}=${value}`
    throw new MbconvError('ERR_USAGE', `unknown option ${strange}`, { hint })
  }
  const files = words.filter((word) => !overrides.includes(word))
  if (files.length === 0 && typeof resume === 'string') {
    // An existing file is a configuration, whatever its name. If nothing exists there, the extension decides.
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
      { hint: 'for example: mbconv train configs/digits.yaml' },
    )
  if (resume === true && isFolder(files[0]))
    return { file: path.join(files[0], 'config.json'), overrides, resume: files[0] }
  return { file: files[0], overrides, resume }
}

function newestRunOf({ run }: TrainConfig, stem: string): string {
  const found = run.name === null ? newestRun(run.dir, stem) : path.join(run.dir, run.name)
  if (found) return found
  throw new MbconvError('ERR_USAGE', `there is no run of ${stem} in ${path.resolve(run.dir)} to resume`, {
    hint: 'name its folder: --resume RUN_DIR',
  })
}
