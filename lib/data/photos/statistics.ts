/** Mean and deviation of the pixels of image files. */

import type { PhotoDataset } from '../dataset/image-dataset'
import { type ChannelStatistics, PixelSums, sampleOf } from '../dataset/statistics'
import type { FileLayout } from '../images/preprocessing'
import type { ImageStream } from '../streams/image-stream'
import { PhotoEvaluationLoader } from './evaluation-loader'
import type { UnreadableImages } from './unreadable'

/**
 * Mean and standard deviation of each channel, with 255 counted as 1, over a sample of images that is spread evenly over
 * the data set. The images are cut and resized as for evaluation.
 *
 * @throws MbconvError ERR_DATA if none of the sample can be read
 */
export async function photoStatistics(
  dataset: PhotoDataset,
  layout: FileLayout,
  unreadable: UnreadableImages,
): Promise<ChannelStatistics> {
  const indices = sampleOf(dataset)
  const sample: PhotoDataset = {
    ...{ name: dataset.name, classes: dataset.classes, shape: null, length: indices.length },
    labels: Int32Array.from(indices, (index) => dataset.labels[index]),
    read: (i) => dataset.read(indices[i]),
    ...(dataset.stream && { stream: someOf(dataset.stream, indices) }),
    fingerprint: () => dataset.fingerprint(),
  }
  const sums = new PixelSums(layout.channels)
  const loader = new PhotoEvaluationLoader(sample, { batchSize: 32, layout, unreadable })
  for await (const { images } of loader.epoch()) {
    const bytes = images.toTypedArray() as Uint8Array
    const [count] = images.shape
    for (let i = 0; i < count; i++)
      sums.add(bytes.subarray((i * bytes.length) / count, ((i + 1) * bytes.length) / count))
  }
  return sums.statistics
}

/** The images of a stream at some positions, numbered anew. */
function someOf(stream: ImageStream, indices: readonly number[]): ImageStream {
  const numbers = new Map(indices.map((index, number) => [index, number]))
  return {
    ...stream,
    async *open(archive, signal) {
      for await (const image of stream.open(archive, signal)) {
        const index = numbers.get(image.index)
        if (index !== undefined) yield { ...image, index }
      }
    },
  }
}
