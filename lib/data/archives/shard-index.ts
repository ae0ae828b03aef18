/**
 * Indexes of shards: the members of an archive and the content of its labels, in `SHARD.tar.index.json` beside it. With
 * an index, opening a shard takes one access to the disk instead of one for each member. An index that does not fit the
 * archive's size and time is not used, nor is one that is damaged: the archive itself is read then.
 */
import { createHash } from 'node:crypto'
import { z } from 'zod'
import { writeFileAtomic } from '../../files/atomic'
import { byteString, entryAt } from '../../files/entries'
import { readBytes } from '../../files/open'
import { printableJson } from '../../text/foreign-text'
import { extensionOf } from '../listing/image-names'
import { TarFile, type TarMember } from './tar'
import { LONGEST_NAME } from './tar-header'

/** Members whose content is kept: labels, as far as they are short. */
const KEPT = new Set(['cls', 'json', 'txt'])
const MOST_KEPT = 1024

const whole = z.int().min(0)
const schema = z.object({
  format: z.literal(1),
  /** Size and time of change (ms) of the archive. */
  bytes: whole,
  modified: z.number(),
  /** SHA-256 of the members as JSON. */
  sha256: z.string(),
  /** Name (a byte string), offset, bytes and, of a label, the content (a byte string). */
  members: z.array(
    z.union([
      z.tuple([z.string().min(1).max(LONGEST_NAME), whole, whole]),
      z.tuple([z.string().min(1).max(LONGEST_NAME), whole, whole, z.string().max(MOST_KEPT)]),
    ]),
  ),
})
type Members = z.output<typeof schema>['members']

const indexOf = (path: string): string => `${path}.index.json`

const digestOf = (members: Members): string => createHash('sha256').update(JSON.stringify(members)).digest('hex')

/**
 * Writes the index of an archive.
 *
 * @returns the index's path, and the number of members
 * @throws MbconvError ERR_DATA for a damaged archive; ERR_IO if the index cannot be written
 */
export function writeShardIndex(path: string): { index: string; members: number } {
  const tar = new TarFile(path)
  const members: Members = []
  const { bytes, modified } = tar
  try {
    for (const { name, offset, bytes: length } of tar.members()) {
      const isKept = length <= MOST_KEPT && KEPT.has(extensionOf(name) ?? '')
      if (isKept) members.push([name, offset, length, tar.read(offset, length).toString('latin1')])
      else members.push([name, offset, length])
    }
  } finally {
    tar.close()
  }
  const index = indexOf(path)
  const content = { format: 1, bytes, modified, sha256: digestOf(members), members }
  writeFileAtomic(index, `${printableJson(JSON.stringify(content))}\n`)
  return { index, members: members.length }
}

/**
 * The members of an open archive, from its index if there is one that fits.
 *
 * @throws MbconvError as {@link TarFile.members}
 */
export function membersOf(tar: TarFile): Iterable<TarMember> {
  return readIndex(tar) ?? tar.members()
}

function readIndex({ path, bytes, modified }: TarFile): TarMember[] | undefined {
  const file = indexOf(path)
  if (entryAt(byteString(file))?.kind !== 'file') return undefined
  try {
    const index = schema.parse(JSON.parse(readBytes(file, { op: 'readIndex' }).toString('utf8')))
    if (index.bytes !== bytes || index.modified !== modified || index.sha256 !== digestOf(index.members))
      return undefined
    return index.members.map(([name, offset, length, content]) => {
      if (offset + length > bytes || (content !== undefined && content.length !== length)) throw new Error('damaged')
      return { name, offset, bytes: length, ...(content !== undefined && { content: Buffer.from(content, 'latin1') }) }
    })
  } catch {
    return undefined
  }
}
