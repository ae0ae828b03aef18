/** What a trained model sees in image files. */
import type { ImageDataset } from '../data/dataset'
import { readImageFile } from '../data/image-file'
import { Loader } from '../data/loader'
import { MbconvError } from '../errors'
import { noGrad } from '../tensor/autograd'
import { fromTypedArray } from '../tensor/create'
import { scope } from '../tensor/scope'
import { breathe } from './breathe'
import { openTrained, type Trained } from './trained'

export interface PredictOptions {
  /** Guesses an image, most probable first. Default 5, at most the number of classes. */
  topk?: number
  /** As in a configuration. Default 'auto'. */
  device?: string
}

export interface Guess {
  /** The class's name. */
  label: string
  index: number
  /** 0 … 1 */
  probability: number
}

export interface Prediction {
  /** The path as it was given. */
  file: string
  predictions: Guess[]
}

/** Reads the files as images of the size that the training images had. */
async function readImages(files: readonly string[], { dataset }: Trained['state']): Promise<ImageDataset> {
  const { name, classes, shape } = dataset
  const [channels, height, width] = shape
  if (channels !== 1 && channels !== 3) {
    throw new MbconvError('ERR_DATA', `the model takes images of ${channels} channels; files give 1 or 3`)
  }
  const each = channels * height * width
  const images = new Uint8Array(files.length * each)
  for (const [i, file] of files.entries()) images.set(await readImageFile(file, { channels, height, width }), i * each)
  return {
    name,
    numClasses: classes.length,
    classes,
    shape,
    length: files.length,
    images,
    labels: new Uint8Array(files.length),
  }
}

/**
 * Guesses the classes of image files. They are brought to the model's input as in training: the size of the training
 * images, then the model's own, then the same mean and standard deviation.
 *
 * @param runOrCheckpoint a run's folder or a checkpoint's
 * @param files image files, of formats and limits as {@link readImageFile} has them
 * @throws MbconvError ERR_CHECKPOINT, ERR_DATA naming the file that cannot be read, ERR_ENVIRONMENT without sharp
 */
export async function predictImages(
  runOrCheckpoint: string,
  files: readonly string[],
  { topk = 5, device }: PredictOptions = {},
): Promise<Prediction[]> {
  const op = 'predictImages'
  if (!Array.isArray(files) || files.some((file) => typeof file !== 'string')) {
    throw new MbconvError('ERR_TYPE', 'predictImages: files must be a list of paths', { op })
  }
  if (!Number.isSafeInteger(topk) || topk < 1) {
    throw new MbconvError('ERR_VALUE', `predictImages: topk must be a whole number of at least 1, not ${topk}`, { op })
  }
  if (files.length === 0) return []
  const trained = openTrained(runOrCheckpoint, device)
  try {
    const { state } = trained
    const dataset = await readImages(files, state)
    const { mean, std } = state.normalization
    const batchSize = state.config.data.evalBatchSize
    const loader = new Loader(dataset, { batchSize, size: state.resolution, mean, std })
    const predictions: Prediction[] = []
    for (const { images, shape, indices } of loader.epoch(0)) {
      const probabilities = noGrad(() =>
        scope(() => {
          const { memoryFormat } = state.config
          const input = fromTypedArray(images, shape).to({ device: trained.device, memoryFormat })
          return trained.model.forward(input).softmax(-1).toTypedArray() as Float32Array // waits for the device
        }),
      )
      const { classes } = dataset
      indices.forEach((index, i) => {
        const row = Array.from(probabilities.subarray(i * classes.length, (i + 1) * classes.length))
        const order = row.map((_, j) => j).sort((a, b) => row[b] - row[a])
        const guesses = order.slice(0, topk).map((j) => ({ label: classes[j], index: j, probability: row[j] }))
        predictions.push({ file: files[index], predictions: guesses })
      })
      await breathe()
    }
    return predictions
  } finally {
    trained.model.dispose()
  }
}
