/** The members and samples of an archive that is read as a stream. */
import { dataError } from '../../files/data-file'
import { isWanted, SampleReader, type ShardOptions, type ShardSample } from '../archives/shard-samples'
import { damaged, ENDS_EARLY, type TarMember, walkTar } from '../archives/tar-walk'
import { mostBytes } from '../images/image-limits'
import type { LeftOut } from '../listing/left-out'
import { bytesAt, StreamWindow, shownAddress } from './bytes'

/** Bytes of the longest member that is left out. Reading on to its end would take for ever. */
const LONGEST = 2 ** 36

/**
 * The members of an archive in order, with the content of those that are wanted.
 *
 * @param isWanted whether the content of a member is needed; it is held in memory
 * @throws MbconvError ERR_DATA for a damaged archive, and for a wanted member larger than any image
 */
export async function* streamedMembers(
  address: string,
  isWanted: (member: TarMember) => boolean,
  signal?: AbortSignal,
): AsyncGenerator<TarMember, void, undefined> {
  const stream = new StreamWindow(bytesAt(address, signal))
  const most = mostBytes({})
  try {
    const shown = shownAddress(address)
    const walk = walkTar(shown)
    for (let step = walk.next(); !step.done; ) {
      const { value } = step
      await stream.skipTo(value.offset)
      if (!('name' in value)) {
        step = walk.next(await stream.take(value.length))
        continue
      }
      const { name, offset, bytes } = value
      const wanted = isWanted(value)
      if (bytes > (wanted ? most : LONGEST)) throw damaged(shown, `has a member of ${bytes} bytes, too many`)
      const content = wanted ? await stream.take(bytes) : undefined
      if (!wanted) await stream.skipTo(offset + bytes)
      if (stream.position < offset + bytes) throw damaged(shown, ENDS_EARLY)
      yield content === undefined ? value : { name, offset, bytes, content }
      step = walk.next()
    }
  } finally {
    await stream.close()
  }
}

/**
 * The samples of an archive in order, with the bytes of their images.
 *
 * @throws MbconvError ERR_DATA as {@link streamedMembers}, and naming a sample without a label or with several images
 */
export async function* streamedSamples(
  address: string,
  options: ShardOptions,
  left: LeftOut,
  signal?: AbortSignal,
): AsyncGenerator<ShardSample, void, undefined> {
  const reader = new SampleReader(withoutFile(shownAddress(address)), options, left)
  for await (const member of streamedMembers(address, ({ name }) => isWanted(name, options), signal)) {
    const sample = reader.add(member)
    if (sample !== undefined) yield sample
  }
  const last = reader.end()
  if (last !== undefined) yield last
}

/** For a reader of samples whose members bring their content: all but labels too long for an index. */
export const withoutFile = (path: string) => ({
  path,
  read(): never {
    throw dataError(path, 'has a label that is too long for an index', 'Unpack the archive: gunzip.')
  },
})
