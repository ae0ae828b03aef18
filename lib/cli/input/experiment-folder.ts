/** Finds the folder of an experiment. */
import { MbconvError } from '../../errors/error'
import { EXPERIMENTS } from '../../experiment/plan/limits'
import { parseExperimentFile } from '../../experiment/plan/spec'
import { folderOf, isExperiment } from '../../experiment/store/folder'
import { isFolder } from '../../files/folders'
import { shortPath } from '../../text/short-path'

/**
 * @param word the folder itself, or the file of an experiment
 * @param options profile: the profile in the file; dir: the folder of experiments
 */
export function experimentFolder(word: string, { profile, dir }: { profile?: string; dir?: string }): string {
  if (isFolder(word)) return word
  const folder = folderOf(parseExperimentFile(word, { profile }), dir ?? EXPERIMENTS)
  if (isExperiment(folder)) return folder
  throw new MbconvError('ERR_USAGE', `${word} has not been run: there is no ${shortPath(folder)}`, {
    hint: 'another --profile or --dir?',
  })
}
