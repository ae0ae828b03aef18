/**
 * The training loop, in one function that can be read from top to bottom.
 *
 * A run is a sequence of steps, one batch each. Its position is only the number of steps done. The epoch, the batch in
 * it, the learning rate and what is due (an evaluation, a checkpoint) follow from that number. Resuming enters the same
 * loop with another number.
 */
import type { MbconvError } from '../errors/error'
import { breathe } from '../process/breathe'
import type { StopReason } from '../process/stop-reason'
import { diverged, firstNonFinite } from './divergence'
import { evaluate } from './evaluate'
import { finish } from './finish'
import { LossLog } from './loss-log'
import type { Position } from './position'
import type { TrainResult } from './record/events'
import type { Recorder } from './record/recorder'
import { savePosition, unsaved } from './save'
import type { Session } from './session/session'
import { Stepper } from './step'

export interface LoopOptions {
  session: Session
  runDir: string
  /** The position of the run; advanced by the loop. */
  position: Position
  recorder: Recorder
  /** Called between steps. Any reason ends the run after a checkpoint. */
  stopRequested: () => false | StopReason
}

/**
 * Trains from `position` to the end of the session, or until a stop is requested.
 *
 * @throws MbconvError ERR_DIVERGED if the loss is NaN or infinite (see onDivergence), or if most of the latest steps
 *   were skipped; ERR_IO if the last state could not be saved
 */
export async function trainLoop(options: LoopOptions): Promise<TrainResult> {
  const { session, runDir, position, recorder, stopRequested } = options
  const { record } = recorder
  const { config, model, ema, schedule, trainLoader, testLoader, stepsPerEpoch, totalSteps } = session
  const { memoryFormat } = config
  const skips = config.onDivergence === 'skip'

  const losses = new LossLog()
  const stepper = new Stepper(session)
  let batches = trainLoader.epoch(Math.floor(position.step / stepsPerEpoch), position.step % stepsPerEpoch)
  let secondsAtReading = position.seconds
  /** Why the newest checkpoint could not be saved; undefined if it was. */
  let notSaved: MbconvError | undefined

  /** Records the losses of the steps since the last call. Waiting for the device counts as training time. */
  const report = () => {
    const began = performance.now()
    const steps = losses.read()
    position.seconds += (performance.now() - began) / 1000
    const images = steps.reduce((sum, { images }) => sum + images, 0)
    const imagesPerSecond = images / Math.max(position.seconds - secondsAtReading, 1e-9)
    secondsAtReading = position.seconds
    for (const { step, epoch, loss, lr } of steps) {
      if (!Number.isFinite(loss) && !skips) throw diverged(`the loss is ${loss}`, step, lr, position.checkpoint)
      record({ type: 'step', step, epoch, loss, lr, imagesPerSecond })
    }
  }

  try {
    model.train()
    for (;;) {
      const { step } = position
      const epochsDone = Math.floor(step / stepsPerEpoch)
      const atEpochEnd = step > 0 && step % stepsPerEpoch === 0
      const atEnd = step >= totalSteps

      if (position.lastEval?.step !== step && (atEnd || (atEpochEnd && epochsDone % config.evalEveryEpochs === 0))) {
        report()
        const run = () =>
          evaluate(model, testLoader, { ...session, memoryFormat, shouldStop: () => stopRequested() !== false })
        const evaluation = await (ema === null ? run() : ema.whileAveraged(run))
        if (evaluation !== undefined) {
          const { loss, top1, top5 } = evaluation
          position.lastEval = { step, ...evaluation }
          if (position.best === null || top1 > position.best.top1) position.best = { step, top1 }
          record({ type: 'eval', step, epoch: epochsDone, loss, top1, top5 })
        }
      }

      const finished = atEnd && position.lastEval?.step === step
      if (finished) {
        // A run that has not learned anything has failed, even if the last evaluation is from the run it resumes.
        const loss = position.lastEval?.loss ?? Number.NaN
        const failure =
          position.skipped.tooMany(true) ?? (Number.isFinite(loss) ? undefined : `the test loss is ${loss}`)
        if (failure !== undefined) throw diverged(failure, step, schedule(step), position.checkpoint)
      }
      const stop = finished ? false : stopRequested()
      const { everyEpochs, everySteps } = config.checkpoint
      const isDue =
        (atEpochEnd && epochsDone % everyEpochs === 0) || (everySteps !== null && step > 0 && step % everySteps === 0)
      if (position.savedStep !== step && (isDue || atEnd || stop !== false)) {
        report()
        const bad = firstNonFinite(model)
        if (bad !== undefined) throw diverged(`${bad} is not finite`, step, schedule(step), position.checkpoint)
        recorder.sync()
        notSaved = savePosition(session, runDir, position, record)
      }
      if (finished || stop !== false) {
        recorder.settle()
        if (notSaved !== undefined) throw unsaved(notSaved, runDir, position)
        return await finish(session, runDir, position, stop, record)
      }

      const began = performance.now()
      let next = await batches.next()
      if (next.done) {
        batches = trainLoader.epoch(epochsDone)
        next = await batches.next()
      }
      const batch = next.value!
      const lr = schedule(step)
      const { loss, updated } = stepper.take(batch, lr)
      // Note every step, so that steps skipped before a resumption drop out in time.
      position.skipped.add(skips && !updated)
      position.step = step + 1
      losses.add({ step: step + 1, epoch: epochsDone, lr, images: batch.labels.length, loss })
      position.seconds += (performance.now() - began) / 1000
      if (losses.isDue) report()
      if (skips && position.skipped.newest) {
        recorder.warn(`step ${step + 1} skipped: loss or gradient is not finite`)
        const failure = position.skipped.tooMany(false)
        if (failure !== undefined) throw diverged(failure, step + 1, lr, position.checkpoint)
      }
      await breathe()
    }
  } finally {
    losses.dispose()
    stepper.dispose()
  }
}
