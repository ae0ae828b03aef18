/**
 * Indexes of compressed archives: their members, the content of their labels, and the shares by which images are held
 * out, in `SHARD.tar.gz.index.json` beside them. An archive is read once to write its index. From then on its samples are
 * known before they are read. An index that does not fit the archive's size and time is not used.
 */
import { isUtf8 } from 'node:buffer'
import { createHash } from 'node:crypto'
import { z } from 'zod'
import { writeFileAtomic } from '../../files/atomic'
import { dataError } from '../../files/data-file'
import { statOf } from '../../files/folders'
import { readBytes } from '../../files/open'
import { printableJson } from '../../text/foreign-text'
import { LONGEST_NAME } from '../archives/tar-header'
import type { TarMember } from '../archives/tar-walk'
import { mostBytes } from '../images/image-limits'
import { shareOfBytes } from '../listing/hold-out'
import { extensionOf, IMAGE_EXTENSIONS } from '../listing/image-names'
import { streamedMembers } from './members'

/** Bytes of the longest label that is kept. */
const MOST_KEPT = 2 ** 14

const whole = z.int().min(0)
const name = z.string().min(1).max(LONGEST_NAME)
const schema = z.object({
  format: z.literal(1),
  compressed: z.literal(true),
  /** Size and time of change (ms) of the archive. */
  bytes: whole,
  modified: z.number(),
  /** SHA-256 of the members as JSON. */
  sha256: z.string(),
  /** Name (a byte string), bytes, and the content of a label or the share of another member. */
  members: z.array(z.tuple([name, whole, z.union([z.string(), z.number().min(0).lt(1)])])),
})
type Members = z.output<typeof schema>['members']

/** A member, with the share by which an image is held out. */
export interface IndexedMember extends TarMember {
  share?: number
}

const indexOf = (path: string): string => `${path}.index.json`
const digestOf = (members: Members): string => createHash('sha256').update(JSON.stringify(members)).digest('hex')

/**
 * Reads an archive and writes its index.
 *
 * @returns the index's path, and the number of members
 * @throws MbconvError ERR_DATA for a missing or damaged archive; ERR_IO if the index cannot be written
 */
export async function writeStreamIndex(path: string): Promise<{ index: string; members: number }> {
  const stat = statOf(path)
  if (stat === undefined || !stat.isFile()) throw dataError(path, 'is no regular file', 'Check the path.')
  const members: Members = []
  const most = mostBytes({})
  for await (const { name, bytes, content } of streamedMembers(path, ({ bytes }) => bytes <= most)) {
    const isLabel =
      bytes <= MOST_KEPT && !IMAGE_EXTENSIONS.has(extensionOf(name) ?? '') && content !== undefined && isUtf8(content)
    if (content === undefined) members.push([name, bytes, 0])
    else members.push([name, bytes, isLabel ? content.toString('latin1') : shareOfBytes(content)])
  }
  const index = indexOf(path)
  const facts = { format: 1, compressed: true, bytes: stat.size, modified: stat.mtimeMs, sha256: digestOf(members) }
  writeFileAtomic(index, `${printableJson(JSON.stringify({ ...facts, members }))}\n`)
  return { index, members: members.length }
}

/** The members of an archive by its index; undefined if there is none that fits. */
export function readStreamIndex(path: string): IndexedMember[] | undefined {
  const [stat, file] = [statOf(path), indexOf(path)]
  if (stat === undefined || statOf(file)?.isFile() !== true) return undefined
  try {
    const index = schema.parse(JSON.parse(readBytes(file, { op: 'readStreamIndex' }).toString('utf8')))
    if (index.bytes !== stat.size || index.modified !== stat.mtimeMs || index.sha256 !== digestOf(index.members))
      return undefined
    return index.members.map(([name, bytes, fact]) => ({
      ...{ name, offset: 0, bytes },
      ...(typeof fact === 'string' ? { content: Buffer.from(fact, 'latin1') } : { share: fact }),
    }))
  } catch {
    return undefined
  }
}
