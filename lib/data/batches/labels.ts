/** The labels of a batch, for every loader. */
import { MbconvError } from '../../errors/error'
import type { Dataset } from '../dataset/image-dataset'
import type { Labelled } from './batch'

/**
 * What a batch says about its images.
 *
 * @param indices the images, as positions in the data set; kept
 * @param labels their classes; default: those that the data set knows before it reads the images
 * @throws MbconvError ERR_DATA if a multi-label data set gives a label that is no class
 */
export function labelled(
  dataset: Dataset,
  indices: Int32Array,
  labels = BigInt64Array.from(indices, (index) => BigInt(dataset.labels[index])),
): Labelled {
  if (dataset.labelsOf === undefined) return { labels, indices }
  const { length } = dataset.classes
  const targets = new Float32Array(indices.length * length)
  for (const [i, index] of indices.entries())
    for (const label of dataset.labelsOf(index)) {
      if (!Number.isInteger(label) || label < 0 || label >= length) {
        const text = `image ${index} of ${dataset.name} has the label ${label}, but there are ${length} classes`
        throw new MbconvError('ERR_DATA', text)
      }
      targets[i * length + label] = 1
    }
  return { labels, targets, indices }
}
