/** Embeddings of image files: what a trained model sees in them, as vectors that can be compared. */

import { type EachImageOptions, eachImage, type ImageSources, type ImageTask, type Unreadable } from './each-image'

/** The features of one image. */
export interface Embedding {
  /** The given path, or the name of the bytes. */
  file: string
  /** The pooled features that the classifier gets, before dropout. Its length is the network's number of features. */
  vector: Float32Array
}

/** From images to the features that the classifier gets. */
export const EMBEDDING: Pick<ImageTask<Embedding>, 'compute'> = {
  compute: (network, input) => network.forwardPooled(input),
}

/**
 * Computes the embeddings of image files one after the other, in limited memory. Images are preprocessed as the model
 * card says. Batch norms are folded.
 *
 * @param model a run's folder, a checkpoint's, a file of weights with a card, or the name of published weights
 * @param images paths, or bytes with a name; any iterable, also an asynchronous one
 * @returns an embedding or an error for each, in order
 * @throws MbconvError for errors of the model or the options, ERR_ENVIRONMENT without sharp
 */
export async function* embedEach(
  model: string,
  images: ImageSources,
  options: EachImageOptions = {},
): AsyncGenerator<Embedding | Unreadable, void, undefined> {
  yield* eachImage<Embedding>(model, images, options, {
    op: 'embedEach',
    options: [],
    ...EMBEDDING,
    // The rows of a batch share one buffer, which a kept embedding should not hold.
    resultOf: (file, row) => ({ file, vector: row.slice() }),
  })
}
