/** `mbconv data inspect`: says what images there are. */
import { EXIT } from '../../../errors/exit-codes'
import type { CommandDescription, GlobalOptions } from '../../command-line/command'
import { DATA_ARGUMENT } from '../../command-line/options'
import { countingNotes, inspectionLines } from '../../view/inspection'
import { Output } from '../../view/output'

export const inspectCommand: CommandDescription = {
  name: 'inspect',
  summary: 'say what images there are: classes, formats, sizes, damage, duplicates',
  arguments: [DATA_ARGUMENT],
  examples: ['mbconv data inspect photos/', "mbconv data inspect 'train-{000..146}.tar' --json"],
  run,
}

async function run(path: string, options: GlobalOptions): Promise<number> {
  const output = new Output(options)
  const { inspect } = await import('../../../data/inspection/inspect.js')
  const found = await inspect(path, countingNotes(output))
  output.data({ path, ...found })
  for (const note of found.notes) output.warn(note)
  output.result(...inspectionLines(path, found, output))
  return found.broken.length > 0 || found.images === 0 ? EXIT.data : EXIT.ok
}
