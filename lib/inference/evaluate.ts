/** Evaluates a trained model on the test images of its run, or on other images. */
import { parseConfig, type TrainConfigInput } from '../config/train'
import { Loader } from '../data/loader'
import { datasetOf } from '../data/sources/kinds'
import { MbconvError } from '../errors/error'
import { evaluate } from '../train/evaluate'
import type { Evaluation } from '../train/record/events'
import { resolvePrecision } from '../train/session/precision'
import { openTrained } from './trained'

export interface EvaluateRunOptions {
  /** Replaces keys of the run's `data`: other test files, another evalBatchSize. */
  data?: TrainConfigInput['data']
  /** As in a configuration. Default 'auto'. */
  device?: string
}

export interface RunEvaluation extends Evaluation {
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
  { data, device }: EvaluateRunOptions = {},
): Promise<RunEvaluation> {
  const trained = openTrained(runOrCheckpoint, device)
  const { model, state, checkpoint } = trained
  try {
    const config =
      data === undefined ? state.config : parseConfig({ ...state.config, data: { ...state.config.data, ...data } })
    const { test } = datasetOf(config.data, state.resolution)
    const { classes, shape } = state.dataset
    if (test.shape.join() !== shape.join() || test.classes.length !== classes.length) {
      const was = `images of ${shape.join(' x ')} in ${classes.length} classes`
      const is = `${test.shape.join(' x ')} in ${test.classes.length}`
      throw new MbconvError('ERR_DATA', `${checkpoint} was trained on ${was}; ${test.name} has ${is}`)
    }
    const { mean, std } = state.normalization
    const loader = new Loader(test, { batchSize: config.data.evalBatchSize, size: state.resolution, mean, std })
    const { memoryFormat } = config
    const precision = resolvePrecision(config.precision, trained.device)
    const evaluation = await evaluate(model, loader, { device: trained.device, memoryFormat, precision })
    return { ...evaluation!, classes: [...classes], checkpoint, step: state.step }
  } finally {
    model.dispose()
  }
}
