/** Predicts the classes of image files with a trained model. */

import { checkCount, checkNumber } from '../errors/check'
import { MbconvError } from '../errors/error'
import type { ModelCard } from '../models/export/card'
import { largestProbability, thresholdFor } from '../models/export/confidence'
import { isPredicted, labelProbabilities } from '../models/export/task'
import { type EachImageOptions, eachImage, type ImageSources, type ImageTask, type Unreadable } from './each-image'

/** What is told of each image. */
export interface PredictionOptions {
  /** Guesses per image, most probable first. Default 5, at most the number of classes. The labels of an image are all. */
  topk?: number
  /**
   * Share of images of known classes that may be rejected as unknown, 0 … 1. The threshold comes from the model card,
   * which has the confidences of the images that the network was evaluated on. Refused where images have several labels.
   */
  reject?: number
}

/** How a model predicts: what is told of each image, and how the images are read. */
export interface PredictOptions extends EachImageOptions, PredictionOptions {}

/** One class of an image, with its probability. */
export interface Guess {
  /** The name of the class. */
  label: string
  /** Number of the class, from 0. */
  index: number
  /** 0 … 1 */
  probability: number
}

/** A label that is predicted. */
export interface PredictedLabel extends Guess {
  /** The probability from which it is predicted. */
  threshold: number
}

/** What a model says of one image. */
export interface Prediction {
  /** The given path, or the name of the bytes. */
  file: string
  /** The most probable classes. With several labels an image, each probability is that of its label alone. */
  predictions: Guess[]
  /**
   * Only of a network for several labels an image: those whose probability reaches their threshold in the model card, most
   * probable first. There may be none.
   */
  labels?: PredictedLabel[]
  /** With `reject`: the largest probability, calibrated, and whether it is high enough for a known class. */
  confidence?: number
  /** With `reject`: whether the image is of one of the known classes. */
  isKnown?: boolean
}

export const PREDICTION_OPTIONS = ['topk', 'reject'] as const

/** @throws MbconvError ERR_TYPE, ERR_VALUE */
export function checkPrediction(op: string, { topk = 5, reject, views = 'one' }: PredictOptions): void {
  checkCount(op, 'topk', topk)
  if (reject !== undefined) checkShare(op, reject)
  if (reject !== undefined && views !== 'one') {
    const text = `${op}: reject needs views one: the confidences in a model card are those of single views`
    throw new MbconvError('ERR_VALUE', text, { op })
  }
}

/** From images to what {@link predictionOf} reads: probabilities, or the logits of labels. */
export const PREDICTING: Pick<ImageTask<Prediction>, 'compute' | 'finish'> = {
  compute: (network, input) => network.forward(input),
  finish: (logits, card) => {
    checkClassifies('predict', card)
    return card.task === 'multiLabel' ? logits : logits.softmax(-1)
  },
}

/** @throws MbconvError ERR_VALUE for a network without classes */
export function checkClassifies(op: string, { classes, name }: Pick<ModelCard, 'classes' | 'name'>): void {
  if (classes.length > 0) return
  const hint = 'embed gives its features.'
  throw new MbconvError('ERR_VALUE', `${op}: ${name} has no classifier (numClasses: 0)`, { op, hint })
}

/**
 * What the numbers of an image mean.
 *
 * @param row the probabilities of classes; with `multiLabel` the logits
 * @throws MbconvError ERR_VALUE for `reject`, if the card does not say how sure the network is
 */
export function predictionOf(
  op: string,
  file: string,
  row: Float32Array,
  card: ModelCard,
  { topk = 5, reject }: PredictionOptions,
): Prediction {
  const probabilities = card.task === 'multiLabel' ? labelProbabilities(row) : row
  return {
    ...{ file, predictions: guessesOf(probabilities, card.classes, topk) },
    ...(card.thresholds !== null && { labels: labelsOf(probabilities, card.classes, card.thresholds) }),
    ...(reject !== undefined && judged(op, row, card, reject)),
  }
}

/**
 * Predicts the classes of image files one after the other, in limited memory. Images are preprocessed as the model card
 * says. Batch norms are folded. A live source is answered image by image.
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
  checkPrediction(op, options ?? {})
  yield* eachImage<Prediction>(model, images, options, {
    ...{ op, options: PREDICTION_OPTIONS },
    ...PREDICTING,
    resultOf: (file, row, { card }) => predictionOf(op, file, row, card, options),
  })
}

function checkShare(op: string, reject: number): void {
  checkNumber(op, 'reject', reject)
  if (reject >= 0 && reject <= 1) return
  throw new MbconvError('ERR_VALUE', `${op}: reject must be a share from 0 to 1, got ${reject}`, { op })
}

/** Whether an image is of a known class. @throws MbconvError ERR_VALUE if the card does not say how sure the network is */
function judged(op: string, probabilities: Float32Array, card: ModelCard, reject: number) {
  const { name, task, confidence: known } = card
  if (task === 'multiLabel') {
    const text = `${op}: reject is for one class an image, and ${name} predicts several labels`
    throw new MbconvError('ERR_VALUE', text, { op, hint: 'An image without any of the labels gets none.' })
  }
  if (known === null) {
    const text = `${op}: the card of ${name} does not say how sure the network is, so it cannot reject images`
    throw new MbconvError('ERR_VALUE', text, { op, hint: 'Cards of training runs say it, from their evaluation.' })
  }
  const confidence = largestProbability(probabilities.map(Math.log), known.temperature)
  return { confidence, isKnown: confidence >= thresholdFor(known, reject) }
}

/** The most probable classes, most probable first. */
export function guessesOf(
  probabilities: Float32Array | Float64Array,
  classes: readonly string[],
  topk: number,
): Guess[] {
  const order = [...probabilities.keys()].sort((a, b) => probabilities[b] - probabilities[a]).slice(0, topk)
  return order.map((index) => ({ label: classes[index], index, probability: probabilities[index] }))
}

/** The labels that are predicted, most probable first. */
function labelsOf(
  probabilities: Float32Array | Float64Array,
  classes: readonly string[],
  thresholds: readonly number[],
): PredictedLabel[] {
  return guessesOf(probabilities, classes, classes.length)
    .map((guess) => ({ ...guess, threshold: thresholds[guess.index] }))
    .filter(({ probability, threshold }) => isPredicted(probability, threshold))
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
