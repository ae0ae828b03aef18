/** Predicts the classes of image files with a trained model. */

import { checkCount, checkNumber } from '../errors/check'
import { MbconvError } from '../errors/error'
import type { ModelCard } from '../models/export/card'
import { largestProbability, thresholdFor } from '../models/export/confidence'
import { type EachImageOptions, eachImage, type ImageSources, type Unreadable } from './each-image'

export interface PredictOptions extends EachImageOptions {
  /** Guesses per image, most probable first. Default 5, at most the number of classes. */
  topk?: number
  /**
   * Share of images of known classes that may be rejected as unknown, 0 … 1. The threshold comes from the model card,
   * which has the confidences of the images that the network was evaluated on.
   */
  reject?: number
}

export interface Guess {
  /** The name of the class. */
  label: string
  index: number
  /** 0 … 1 */
  probability: number
}

export interface Prediction {
  /** The given path, or the name of the bytes. */
  file: string
  predictions: Guess[]
  /** With `reject`: the largest probability, calibrated, and whether it is high enough for a known class. */
  confidence?: number
  isKnown?: boolean
}

/**
 * Predicts the classes of image files one after the other, in limited memory. Images are preprocessed as the model card
 * says. Batch norms are folded.
 *
 * @param model a run's folder, a checkpoint's, or a file of weights with a card; see `mbconv predict --help`
 * @param images paths, or bytes with a name; any iterable, also an asynchronous one
 * @returns a prediction or an error for each, in order
 * @throws MbconvError for errors of the model or the options, ERR_ENVIRONMENT without sharp
 */
export async function* predictEach(
  model: string,
  images: ImageSources,
  options: PredictOptions = {},
): AsyncGenerator<Prediction | Unreadable, void, undefined> {
  const op = 'predictEach'
  const { topk = 5, reject } = options ?? {}
  checkCount(op, 'topk', topk)
  if (reject !== undefined) checkShare(op, reject)
  yield* eachImage<Prediction>(model, images, options, {
    op,
    options: ['topk', 'reject'],
    compute: (network, input) => network.forward(input).softmax(-1),
    resultOf: (file, row, { card }) => ({
      ...{ file, predictions: guessesOf(row, card.classes, topk) },
      ...(reject !== undefined && judged(op, row, card, reject)),
    }),
  })
}

function checkShare(op: string, reject: number): void {
  checkNumber(op, 'reject', reject)
  if (reject >= 0 && reject <= 1) return
  throw new MbconvError('ERR_VALUE', `${op}: reject must be a share from 0 to 1, got ${reject}`, { op })
}

/** Whether an image is of a known class. @throws MbconvError ERR_VALUE if the card does not say how sure the network is */
function judged(op: string, probabilities: Float32Array, { name, confidence: known }: ModelCard, reject: number) {
  if (known === null) {
    const text = `${op}: the card of ${name} does not say how sure the network is, so it cannot reject images`
    throw new MbconvError('ERR_VALUE', text, { op, hint: 'Cards of training runs say it, from their evaluation.' })
  }
  const confidence = largestProbability(probabilities.map(Math.log), known.temperature)
  return { confidence, isKnown: confidence >= thresholdFor(known, reject) }
}

/** The most probable classes, most probable first. */
export function guessesOf(probabilities: Float32Array, classes: readonly string[], topk: number): Guess[] {
  const order = [...probabilities.keys()].sort((a, b) => probabilities[b] - probabilities[a]).slice(0, topk)
  return order.map((index) => ({ label: classes[index], index, probability: probabilities[index] }))
}

/**
 * Predicts the classes of image files; fails if one of them fails. {@link predictEach} returns them one by one.
 *
 * @param model a run's folder, a checkpoint's, or a file of weights with a card
 * @param files image files, with the formats and limits of `data.readImageFile`
 * @throws MbconvError ERR_CHECKPOINT, ERR_DATA naming the file that cannot be read, ERR_ENVIRONMENT without sharp
 */
export async function predictImages(
  model: string,
  files: readonly string[],
  options: PredictOptions = {},
): Promise<Prediction[]> {
  const op = 'predictImages'
  if (!Array.isArray(files) || files.some((file) => typeof file !== 'string')) {
    throw new MbconvError('ERR_TYPE', `${op}: files must be a list of paths`, { op })
  }
  const predictions: Prediction[] = []
  if (files.length === 0) return predictions
  for await (const each of predictEach(model, files, options)) {
    if ('error' in each) throw each.error
    predictions.push(each)
  }
  return predictions
}
