/** What the shapes of photographs say about how they should be fitted into the network's input. */
import type { TrainConfig } from '../config/train'
import type { PhotoDataset } from '../data/dataset/image-dataset'
import { withImage } from '../data/images/image-file'
import { cuts } from '../data/images/preprocessing'
import { sourceOf } from '../data/photos/other-decoder'
import { datasetOf } from '../data/sources/kinds'
import { MbconvError } from '../errors/error'
import { inOrder } from '../process/in-order'
import { percent } from '../text/figures'
import { withFitOfWeights } from '../train/session/preprocessing'

/** Images whose headers are read, spread evenly over the data set. */
const SAMPLE = 64

/** From this quotient of the sides on, a crop of a square shows less than half of an image. */
const ELONGATED = 2

/**
 * A sentence for a set of which most images are so long that a crop misses most of each; none where the configuration
 * says how they are fitted, or where the card of its weights says that they are shown whole.
 *
 * @throws MbconvError ERR_FORMAT for a damaged card, ERR_CONFIG for keys that cannot act with its `fit`
 */
export async function shapeReasons(config: TrainConfig): Promise<string[]> {
  const { data } = config
  if (data.fit !== null || !cuts(withFitOfWeights(config).data.fit ?? 'crop')) return []
  const { train } = datasetOf(data as Parameters<typeof datasetOf>[0])
  if (train.shape !== null) return []
  const step = Math.max(1, train.length / SAMPLE)
  const sample = Array.from({ length: Math.min(SAMPLE, train.length) }, (_, i) => Math.floor(i * step))
  let [known, elongated] = [0, 0]
  for await (const [, quotient] of inOrder(sample, (index) => quotientOf(train, index))) {
    if (quotient === undefined) continue
    known++
    if (quotient >= ELONGATED) elongated++
  }
  if (elongated <= known / 2) return []
  const share = `${percent(elongated / known, 0)} of the images`
  return [`${share} have a side at least twice as long as the other: crops miss most of them; data.fit=pad shows all`]
}

/** The longer side divided by the shorter one; undefined for an image that cannot be read, which training reports. */
async function quotientOf(train: PhotoDataset, index: number): Promise<number | undefined> {
  try {
    const sides = await withImage(sourceOf(train.read(index)), {}, async ({ height, width }) => [height, width])
    return Math.max(...sides) / Math.min(...sides)
  } catch (error) {
    if (error instanceof MbconvError) return undefined
    throw error
  }
}
