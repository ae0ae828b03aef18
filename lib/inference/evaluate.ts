/** Evaluates a trained model on the test images of its run, or on other images. */
import { parseConfig, type TrainConfigInput } from '../config/train'
import { type Dataset, layoutCautions } from '../data/dataset/image-dataset'
import { evaluationLoader } from '../data/evaluation'
import { checkViews, type Views } from '../data/images/views'
import { UnreadableImages } from '../data/photos/unreadable'
import { datasetKind, datasetOf } from '../data/sources/kinds'
import { MbconvError } from '../errors/error'
import { evaluate } from '../train/evaluate'
import type { Evaluation } from '../train/record/events'
import { type TrainState, thresholdsOf } from '../train/run/checkpoint-state'
import { checkLabels } from '../train/session/data'
import { resolvePrecision } from '../train/session/precision'
import { preprocessingOf } from '../train/session/preprocessing'
import { openTrained } from './trained'

/** How a trained model is evaluated. */
export interface EvaluateRunOptions {
  /** Replaces keys of the run's `data`: other test files, another evalBatchSize. */
  data?: TrainConfigInput['data']
  /** As in a configuration. Default 'auto'. */
  device?: string
  /** What the network sees of each image; its logits are averaged. Default 'one'. */
  views?: Views
  /** Called for every image file that cannot be read, and is left out. */
  onWarning?: (message: string) => void
}

/** The result of {@link evaluateRun}: the figures, and what was evaluated. */
export type RunEvaluation = Evaluation & {
  /** The checkpoint that was evaluated. */
  checkpoint: string
  /** The checkpoint's step. */
  step: number
}

/**
 * Evaluates the checkpoint of a run's best evaluation, or a checkpoint, on the test images of its configuration.
 *
 * @param runOrCheckpoint a run's folder or a checkpoint's
 * @throws MbconvError ERR_CHECKPOINT, ERR_CONFIG for wrong `data`, ERR_DATA for images the model was not trained for
 */
export async function evaluateRun(
  runOrCheckpoint: string,
  { data, device, views = 'one', onWarning = () => {} }: EvaluateRunOptions = {},
): Promise<RunEvaluation> {
  const trained = openTrained(runOrCheckpoint, device)
  const { model, state, checkpoint } = trained
  try {
    const config = data === undefined ? state.config : parseConfig({ ...state.config, data: replaced(state, data) })
    await datasetKind(config.data.dataset).prepare?.(config.data as never)
    const { test, notes = [] } = datasetOf(config.data, state.resolution)
    for (const note of notes) onWarning(note)
    checkLabels(config.task, test, [test])
    checkSuits(test, state, checkpoint)
    const preprocessing = preprocessingOf(state.config, state)
    checkViews('evaluateRun', views, test.shape === null ? preprocessing : undefined)
    for (const caution of layoutCautions(test, preprocessing, views)) onWarning(caution)
    const unreadable = new UnreadableImages(test, config.data.maxUnreadable, onWarning)
    const loader = evaluationLoader(test, {
      batchSize: config.data.evalBatchSize,
      preprocessing,
      views,
      unreadable,
    })
    const { memoryFormat } = config
    const { device: where } = trained
    const evaluation = await evaluate(model, loader, {
      ...{ device: where, memoryFormat, normalization: state.normalization },
      precision: resolvePrecision(config.precision, where),
      views,
      // Of labels, those that the run's own evaluation chose.
      thresholds: thresholdsOf(state) ?? undefined,
    })
    return { ...evaluation!, classes: [...state.dataset.classes], checkpoint, step: state.step }
  } finally {
    model.dispose()
  }
}

/** The run's data with other keys. Another data set has no use for the keys of the run's own. */
function replaced({ config }: TrainState, data: NonNullable<TrainConfigInput['data']>): TrainConfigInput['data'] {
  const { dataset } = config.data
  const own: Record<string, unknown> = { ...config.data }
  if ((data.dataset ?? dataset) !== dataset) for (const key of Object.keys(datasetKind(dataset).keys)) delete own[key]
  return { ...own, ...data } as TrainConfigInput['data']
}

/** @throws MbconvError ERR_DATA if a network of this run cannot take the images, or has other classes */
function checkSuits(test: Dataset, { dataset }: TrainState, checkpoint: string): void {
  const describe = ({ shape, classes }: Pick<Dataset, 'shape' | 'classes'>) =>
    `${shape === null ? 'image files' : `images of ${shape.join(' x ')}`} in ${classes.length} classes`
  const refuse = (was: string, is: string) => {
    throw new MbconvError('ERR_DATA', `${checkpoint} was trained on ${was}; ${test.name} has ${is}`)
  }
  if (describe(test) !== describe(dataset)) refuse(describe(dataset), describe(test))
  // Only image files bring names of classes; other data sets count them.
  const other = test.shape === null ? dataset.classes.findIndex((name, i) => name !== test.classes[i]) : -1
  if (other !== -1) refuse(`${dataset.classes[other]} as class ${other}`, test.classes[other])
}
