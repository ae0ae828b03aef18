/** `mbconv experiment status`: shows the progress of an experiment. */
import { EXIT } from '../../../errors/exit-codes'
import type { CommandDescription, GlobalOptions } from '../../command-line/command'
import { EXPERIMENT_ARGUMENT, EXPERIMENT_OPTIONS } from '../../command-line/options'
import { Output } from '../../view/output'

export const statusCommand: CommandDescription = {
  name: 'status',
  summary: 'say how far an experiment is',
  arguments: [EXPERIMENT_ARGUMENT],
  options: EXPERIMENT_OPTIONS,
  examples: ['mbconv experiment status table7 --profile smoke'],
  run,
}

interface StatusOptions extends GlobalOptions {
  profile?: string
  dir?: string
}

async function run(word: string, options: StatusOptions): Promise<number> {
  const output = new Output(options)
  const { status } = await import('../../../experiment/run/status.js')
  const { experimentFolder } = await import('../../input/experiment-folder.js')
  const { statusLines } = await import('../../view/experiment-tables.js')
  const found = status(experimentFolder(word, options))
  output.data(found)
  output.result(...statusLines(found, output))
  return found.failed > 0 ? EXIT.failure : EXIT.ok
}
