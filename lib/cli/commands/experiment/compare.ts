/** `mbconv experiment compare`: shows the arms of several experiments in one table. */
import { EXIT } from '../../../errors/exit-codes'
import type { CommandDescription, GlobalOptions } from '../../command-line/command'
import { Output, table } from '../../view/output'

export const compareCommand: CommandDescription = {
  name: 'compare',
  summary: 'the arms of several experiments in one table',
  arguments: [{ name: '<folder...>', help: 'folders of experiments' }],
  examples: ['mbconv experiment compare runs/experiments/table7-smoke runs/experiments/table7-cpu'],
  run,
}

async function run(folders: string[], options: GlobalOptions): Promise<number> {
  const output = new Output(options)
  const { gather } = await import('../../../experiment/store/folder.js')
  const { compareExperiments } = await import('../../../experiment/analysis/compare.js')
  for (const folder of folders) gather(folder)
  const found = compareExperiments(folders)
  output.data(found)
  const columns = found.columns.map((title, i) => ({ title, right: i > 0 }))
  output.result(...table(columns, found.rows, output.paint), '', ...found.notes)
  return EXIT.ok
}
