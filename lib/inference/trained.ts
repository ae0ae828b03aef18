/** Loads a trained model from its checkpoint, with everything needed to use it. */

import { resolveDevice } from '../cuda/choice'
import { channelsOf } from '../data/dataset/image-dataset'
import { MbconvError } from '../errors/error'
import type { Network } from '../models/network/network'
import { scope } from '../tensor/core/scope'
import { type FoundCheckpoint, findCheckpoint, readPart } from '../train/run/checkpoint'
import type { TrainState } from '../train/run/checkpoint-state'
import { modelOf } from '../train/session/model'

export interface Trained {
  /** In evaluation mode. The caller disposes it. */
  model: Network
  state: TrainState
  /** The checkpoint's folder. */
  checkpoint: string
  /** Why this checkpoint: it was named, or it is the best or the newest one of the run. */
  chosen: FoundCheckpoint['chosen']
  /** Whether the weights are the moving average. */
  averaged: boolean
  device: string
}

/**
 * Loads the weights that evaluation uses: the moving average if the run kept one, otherwise the last weights.
 *
 * @param runOrCheckpoint a run's folder (the checkpoint of its best evaluation is used) or a checkpoint's
 * @param device as in a configuration; 'auto' by default, whatever the run was trained on
 * @throws MbconvError ERR_CHECKPOINT when there is no whole checkpoint, ERR_CUDA_UNAVAILABLE
 */
export function openTrained(runOrCheckpoint: string, device = 'auto'): Trained {
  const checkpoint = findCheckpoint(runOrCheckpoint)
  const { state, path, parts, chosen } = checkpoint
  const where = resolveDevice(device)
  const inChannels = channelsOf(state.dataset)
  const model = modelOf(state.config, {
    numClasses: state.dataset.classes.length,
    inChannels,
    device: where,
    init: 'none',
  })
  try {
    const averaged = parts.includes('ema')
    scope(() => model.loadStateDict(readPart(checkpoint, averaged ? 'ema' : 'model').tensors))
    return { model: model.eval(), state, checkpoint: path, chosen, averaged, device: where }
  } catch (error) {
    model.dispose()
    throw new MbconvError('ERR_CHECKPOINT', `${path}: its weights do not fit its model: ${(error as Error).message}`, {
      cause: error,
    })
  }
}
