/** The loader that evaluates a data set of either kind. */
import type { BatchLoader } from './sources/batch'
import type { Preprocessing } from './images/preprocessing'
import { Loader } from './loader'
import { PhotoEvaluationLoader } from './photos/evaluation-loader'
import type { UnreadableImages } from './photos/unreadable'
import type { Dataset } from './sources/image-dataset'

export interface EvaluationOptions {
  batchSize: number
  /** As in the model card of the evaluated network. */
  preprocessing: Preprocessing
  /** Image files that cannot be read are reported here, and left out. */
  unreadable: UnreadableImages
}

/** All images of a data set in its order, without variation. */
export function evaluationLoader(dataset: Dataset, options: EvaluationOptions): BatchLoader {
  const { batchSize, preprocessing, unreadable } = options
  if (dataset.shape === null)
    return new PhotoEvaluationLoader(dataset, { batchSize, layout: preprocessing, unreadable })
  const { resolution, mean, std } = preprocessing
  return new Loader(dataset, { batchSize, size: resolution, mean, std })
}
