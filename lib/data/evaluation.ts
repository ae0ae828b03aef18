/** The loader that evaluates a data set of either kind. */

import type { BatchLoader } from './batches/batch'
import type { Dataset } from './dataset/image-dataset'
import type { Preprocessing } from './images/preprocessing'
import { cutsOf, type Views } from './images/views'
import { Loader } from './loader'
import { PhotoEvaluationLoader } from './photos/evaluation-loader'
import type { UnreadableImages } from './photos/unreadable'

export interface EvaluationOptions {
  /** Images at once; several parts of an image count as several. */
  batchSize: number
  /** As in the model card of the evaluated network. */
  preprocessing: Preprocessing
  /** What a network sees of an image file; see {@link overViews}. Default 'one'. */
  views?: Views
  /** Image files that cannot be read are reported here, and left out. */
  unreadable: UnreadableImages
}

/** All images of a data set in its order, without variation. */
export function evaluationLoader(dataset: Dataset, options: EvaluationOptions): BatchLoader {
  const { batchSize, preprocessing, views = 'one', unreadable } = options
  if (dataset.shape === null) {
    const images = Math.max(1, Math.floor(batchSize / cutsOf(views)))
    return new PhotoEvaluationLoader(dataset, { batchSize: images, layout: preprocessing, views, unreadable })
  }
  const { resolution, mean, std } = preprocessing
  return new Loader(dataset, { batchSize, size: resolution, mean, std })
}
