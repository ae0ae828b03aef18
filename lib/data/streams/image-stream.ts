/** The images of a data set that come one after the other, and the order of an epoch of them. */
import { MbconvError } from '../../errors/error'
import { dataError } from '../../files/data-file'
import { KeyedRandom, PURPOSE } from '../../random/philox'
import type { Seed } from '../../random/seed'

/** An image of a stream. */
export interface StreamedImage {
  /** Its position in the data set; of a command's output, its number in the epoch. */
  index: number
  /** The class of the image. */
  label: number
  /** The image's name in its archive. */
  name: string
  /** The archive that it comes from. */
  address: string
  /** The bytes of the encoded image file. */
  bytes: Buffer
}

/** Where a reader of image files finds it: in memory. */
export const encodedOf = ({ name, address, bytes }: StreamedImage) => ({ name, file: address, bytes })

/** Images that are read from beginning to end, because their archives allow no other order. */
export interface ImageStream {
  /** Number of archives. */
  readonly archives: number
  /** Images that an epoch's order is mixed in. */
  readonly buffer: number
  /** Whether labels are known before the images are read. */
  readonly hasLabels: boolean
  /**
   * The images of an archive in its order.
   *
   * @param signal ends reading at once
   */
  open(archive: number, signal?: AbortSignal): AsyncGenerator<StreamedImage, void, undefined>
}

/** Bytes that waiting images may take. With more of them, the buffer has fewer images. */
const MOST_BYTES = 2 ** 30

/** All images in the data set's order. */
export async function* inStreamOrder(stream: ImageStream, signal?: AbortSignal): AsyncGenerator<StreamedImage> {
  for (let archive = 0; archive < stream.archives; archive++) yield* stream.open(archive, signal)
}

/**
 * The images of an epoch in training. The archives come in a new order. Of the images, as many as the buffer holds wait
 * at any time, and one of them is drawn for each that arrives. Order and draws depend only on (seed, epoch).
 *
 * @param count images of an epoch; what the stream has beyond them is not read
 * @throws MbconvError ERR_DATA if the stream has fewer
 */
export async function* shuffledStream(
  name: string,
  stream: ImageStream,
  { seed, epoch, count, signal }: { seed: Seed; epoch: number; count: number; signal?: AbortSignal },
): AsyncGenerator<StreamedImage, void, undefined> {
  const random = new KeyedRandom(seed, PURPOSE.stream, epoch)
  const archives = random.permutation(stream.archives)
  const waiting: StreamedImage[] = []
  let [arrived, given, bytes] = [0, 0, 0]
  const draw = () => {
    const place = random.below(waiting.length)
    const [drawn, last] = [waiting[place], waiting.pop() as StreamedImage]
    if (place < waiting.length) waiting[place] = last
    bytes -= drawn.bytes.length
    given++
    return drawn
  }
  for (const archive of archives) {
    if (arrived === count) break
    for await (const image of stream.open(archive, signal)) {
      // An archive of few bytes has many images in what is read at once.
      if (signal?.aborted) throw new MbconvError('ERR_ABORTED', `${name}: reading was stopped`)
      waiting.push(stream.hasLabels ? image : { ...image, index: arrived })
      bytes += image.bytes.length
      arrived++
      while (waiting.length >= stream.buffer || (bytes > MOST_BYTES && waiting.length > 1)) yield draw()
      if (arrived === count) break
    }
  }
  while (waiting.length > 0) yield draw()
  if (given < count)
    throw dataError(name, `has ${given} images instead of ${count}`, 'data.shards.samples is their number.')
}
