/** Estimates the duration of a job from a few measured training steps. */

import { parseConfig, type TrainConfig, type TrainConfigInput } from '../../config/train'
import { datasetKind } from '../../data/sources/kinds'
import { scope } from '../../tensor/core/scope'
import { openSession, type Session } from '../../train/session/session'
import { Stepper } from '../../train/step'

/** The most steps measured per arm; the first is a warm-up. */
const STEPS = 4
/** No further step is started after this time, ms. */
const ENOUGH = 4000
/** Seconds to start a process, load its libraries and draw its curves. */
const OVERHEAD = 2
/** An evaluation is a forward pass; a step's backward pass costs about two forward passes. */
const FORWARD_SHARE = 1 / 3

/** The configuration with no more scenes than a step needs: drawing all of them would take longest. */
function small(config: TrainConfig): TrainConfig {
  const { data } = config
  const { announced, shortened } = datasetKind(data.dataset)
  if (announced === undefined || shortened === undefined) return config
  const train = Math.max(Math.min(announced(data as never).train, data.batchSize), 2)
  return { ...config, data: shortened(data as never, { train, test: 1 }) as TrainConfig['data'] }
}

/** One training step of the loop. Waits for the device. */
async function step(stepper: Stepper, { trainLoader, schedule }: Session): Promise<void> {
  const batches = trainLoader.epoch(0)
  try {
    const { value } = await batches.next()
    scope(() => {
      const { loss } = stepper.take(value!, schedule(0))
      if (typeof loss !== 'number') loss.item() // waits for the device
    })
  } finally {
    await batches.return?.()
  }
}

/**
 * Number of batches and evaluated images in a whole job. The time of a batch without an update counts as that of one
 * with it.
 */
function workOf(config: TrainConfig, { trainImages, testImages }: Session): { batches: number; evaluated: number } {
  const { data, epochs, maxSteps, evalEveryEpochs, accumulate } = config
  const announced = datasetKind(data.dataset).announced?.(data as never)
  const { train, test } = announced ?? { train: trainImages, test: testImages }
  const perEpoch = Math.max(1, Math.floor(train / data.batchSize))
  const batches = Math.min(epochs * perEpoch, maxSteps === null ? Number.POSITIVE_INFINITY : maxSteps * accumulate)
  const evaluations =
    Math.floor(batches / perEpoch / evalEveryEpochs) + (batches % (perEpoch * evalEveryEpochs) === 0 ? 0 : 1)
  return { batches, evaluated: evaluations * test }
}

/**
 * Measures a few steps and extrapolates. Never throws: a faulty job reports its error when it runs.
 *
 * @returns seconds of a whole job that runs alone
 */
export async function measureJob(input: TrainConfigInput): Promise<{ seconds: number | null; why?: string }> {
  let session: Session | undefined
  let stepper: Stepper | undefined
  try {
    const config = parseConfig(input)
    session = await openSession(small(config))
    session.model.train()
    stepper = new Stepper(session)
    const began = performance.now()
    let best = Number.POSITIVE_INFINITY
    for (let i = 0; i < STEPS; i++) {
      const start = performance.now()
      await step(stepper, session)
      const took = (performance.now() - start) / 1000
      if (i > 0 || performance.now() - began > ENOUGH) best = Math.min(best, took)
      if (performance.now() - began > ENOUGH) break
    }
    const { batches, evaluated } = workOf(config, session)
    const images = Math.min(config.data.batchSize, session.trainImages)
    return { seconds: OVERHEAD + best * batches + (FORWARD_SHARE * best * evaluated) / images }
  } catch (error) {
    return { seconds: null, why: (error as Error).message }
  } finally {
    stepper?.dispose()
    session?.dispose()
  }
}
