/** `mbconv data index`: writes the checksums of a folder's images, or the members of tar archives. */
import { EXIT } from '../../../errors/exit-codes'
import type { CommandDescription, GlobalOptions } from '../../command-line/command'
import * as format from '../../view/format'
import { countingNotes } from '../../view/inspection'
import { Output } from '../../view/output'

export const indexCommand: CommandDescription = {
  name: 'index',
  summary:
    'write manifest.jsonl with the checksums of a folder, or an index beside each tar archive that opens it faster',
  arguments: [{ name: '<path>', help: 'folder of images, or tar archive; braces stand for several' }],
  examples: ['mbconv data index photos/', "mbconv data index 'train-{000..146}.tar'"],
  run,
}

async function run(path: string, options: GlobalOptions): Promise<number> {
  const output = new Output(options)
  return /\.(tar|tar\.gz|tgz)$/i.test(path) ? indexArchives(path, output) : indexImages(path, output)
}

async function indexArchives(pattern: string, output: Output): Promise<number> {
  const { isCompressed, shardFiles } = await import('../../../data/archives/shard-names.js')
  const { writeStreamIndex } = await import('../../../data/streams/stream-index.js')
  const { writeShardIndex } = await import('../../../data/archives/shard-index.js')
  for (const file of shardFiles([pattern])) {
    const { index, members } = isCompressed(file) ? await writeStreamIndex(file) : writeShardIndex(file)
    output.data({ index, members })
    output.result(`${format.shortPath(index)}: ${format.counted(members, 'member')}`)
  }
  return EXIT.ok
}

async function indexImages(folder: string, output: Output): Promise<number> {
  const { indexFolder } = await import('../../../data/inspection/index-folder.js')
  const indexed = indexFolder(folder, countingNotes(output))
  const { manifest, images, bytes, classes, notes } = indexed
  output.data(indexed)
  for (const note of notes) output.warn(note)
  const facts = [format.counted(images, 'image'), format.countedClasses(classes), format.bytes(bytes)]
  output.result(`${format.shortPath(manifest)}: ${facts.join(', ')}`)
  return EXIT.ok
}
