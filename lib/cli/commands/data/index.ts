/** `mbconv data index`: writes the checksums of a folder's images. */
import { EXIT } from '../../../errors/exit-codes'
import type { CommandDescription, GlobalOptions } from '../../command-line/command'
import * as format from '../../view/format'
import { Output } from '../../view/output'

export const indexCommand: CommandDescription = {
  name: 'index',
  summary: 'write the size and checksum of every image in a folder to manifest.jsonl in it',
  arguments: [{ name: '<folder>', help: 'folder of images' }],
  examples: ['mbconv data index photos/'],
  run,
}

async function run(folder: string, options: GlobalOptions): Promise<number> {
  const output = new Output(options)
  const { indexFolder } = await import('../../../data/inspection/index-folder.js')
  const indexed = indexFolder(folder)
  const { manifest, images, bytes, classes, notes } = indexed
  output.data(indexed)
  for (const note of notes) output.warn(note)
  const facts = [format.counted(images, 'image'), format.countedClasses(classes), format.bytes(bytes)]
  output.result(`${format.shortPath(manifest)}: ${facts.join(', ')}`)
  return EXIT.ok
}
