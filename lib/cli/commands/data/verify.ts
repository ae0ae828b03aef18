/** `mbconv data verify`: compares images with their checksums, and decodes each. */
import { EXIT } from '../../../errors/exit-codes'
import type { CommandDescription, GlobalOptions } from '../../command-line/command'
import { DATA_ARGUMENT } from '../../command-line/options'
import * as format from '../../view/format'
import { countingNotes } from '../../view/inspection'
import { indented, Output } from '../../view/output'

export const verifyCommand: CommandDescription = {
  name: 'verify',
  summary: 'decode every image, and compare a folder with its manifest.jsonl, or a cache with its checksums',
  arguments: [{ ...DATA_ARGUMENT, help: `${DATA_ARGUMENT.help}; or a cache` }],
  examples: ['mbconv data verify photos/', 'mbconv data verify train.csv --json'],
  run,
}

async function run(path: string, options: GlobalOptions): Promise<number> {
  const output = new Output(options)
  const { verify } = await import('../../../data/inspection/verify.js')
  const { images, manifest, findings, notes } = await verify(
    path,
    (finding) => {
      output.data(finding)
      output.result(...indented(`${output.paint('yellow', `${finding.type}:`)} ${finding.problem}`))
    },
    countingNotes(output),
  )
  const wrong = Object.values(findings).reduce((sum, count) => sum + count, 0)
  output.data({ type: 'result', path, images, manifest, findings, notes })
  for (const note of notes) output.warn(note)
  if (!manifest)
    output.note(`${path}: there is no manifest, so images are only decoded; mbconv data index FOLDER writes one`)
  const counts = Object.entries(findings).flatMap(([type, count]) =>
    count > 0 ? [`${format.whole(count)} ${type}`] : [],
  )
  output.result(
    `${format.counted(images, 'image')}: ${wrong === 0 ? output.paint('green', 'all whole') : counts.join(', ')}`,
  )
  return wrong > 0 || images === 0 ? EXIT.data : EXIT.ok
}
