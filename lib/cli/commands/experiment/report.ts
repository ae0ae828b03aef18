/** `mbconv experiment report`: writes the report of an experiment, finished or not. */
import { EXIT } from '../../../errors/exit-codes'
import type { CommandDescription, GlobalOptions } from '../../command-line/command'
import { EXPERIMENT_ARGUMENT, EXPERIMENT_OPTIONS } from '../../command-line/options'
import { Output } from '../../view/output'

export const reportCommand: CommandDescription = {
  name: 'report',
  summary: 'write the report of an experiment, finished or not: HTML, Markdown, CSV and pictures',
  arguments: [EXPERIMENT_ARGUMENT],
  options: EXPERIMENT_OPTIONS,
  examples: ['mbconv experiment report runs/experiments/table7-cpu'],
  run,
}

interface ReportOptions extends GlobalOptions {
  profile?: string
  dir?: string
}

async function run(word: string, options: ReportOptions): Promise<number> {
  const output = new Output(options)
  const { experimentFolder } = await import('../../input/experiment-folder.js')
  const folder = experimentFolder(word, options)
  const { gather } = await import('../../../experiment/store/folder.js')
  gather(folder)
  const { writeReport } = await import('../../../experiment/report/write.js')
  const { showReport } = await import('../../view/experiment-tables.js')
  showReport(await writeReport(folder), output)
  return EXIT.ok
}
