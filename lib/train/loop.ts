/**
 * The training loop, in one function that can be read from top to bottom.
 *
 * A run is a sequence of steps. Each is one update, with the gradient of one batch or of several (accumulate). The
 * position of a run is only the number of steps done. The epoch, the batch in it, the learning rate and what is due (an
 * evaluation, a checkpoint) follow from that number. Resuming enters the same loop with another number.
 */
import type { MbconvError } from '../errors/error'
import { breathe } from '../process/breathe'
import type { StopReason } from '../process/stop-reason'
import { diverged, firstNonFinite } from './divergence'
import { EarlyStopping } from './early-stopping'
import { evaluate } from './evaluate'
import { finish } from './finish'
import { LossLog } from './loss-log'
import { memoryInUse } from './memory'
import type { Position } from './position'
import type { TrainResult } from './record/events'
import type { Recorder } from './record/recorder'
import { figuresOf, scoreOf, scoreValue } from './run/score'
import { sampleCollector } from './samples'
import { isAmongBest, savePosition, unsaved } from './save'
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
  const { config, device, model, ema, schedule, trainLoader, testLoader, stepsPerEpoch, totalSteps } = session
  const { batchesPerEpoch, scaler } = session
  const { memoryFormat, accumulate } = config
  // With a scaler, gradients that overflow lower its scale, and say nothing about the run.
  const skips = config.onDivergence === 'skip' && scaler === null

  const losses = new LossLog()
  const stepper = new Stepper(session)
  const stopping = new EarlyStopping(config.earlyStopping, position.earlyStopping)
  const firstBatch = (step: number) => (step % stepsPerEpoch) * accumulate
  const reading = new AbortController()
  const epochFrom = (epoch: number, batch = 0) => trainLoader.epoch(epoch, batch, reading.signal)
  let batches = epochFrom(Math.floor(position.step / stepsPerEpoch), firstBatch(position.step))
  const nextBatch = async (epoch: number) => {
    let next = await batches.next()
    if (next.done) {
      batches = epochFrom(epoch)
      next = await batches.next()
    }
    return next.value!
  }
  let secondsAtReading = position.seconds
  /** Seconds that the loop has waited for batches since the last reading. */
  let waited = 0
  /** Why the newest checkpoint could not be saved; undefined if it was. */
  let notSaved: MbconvError | undefined

  /** Records the losses of the steps since the last call. Waiting for the device counts as training time. */
  const report = () => {
    const began = performance.now()
    const steps = losses.read()
    position.seconds += (performance.now() - began) / 1000
    const images = steps.reduce((sum, { images }) => sum + images, 0)
    const elapsed = Math.max(position.seconds - secondsAtReading, 1e-9)
    const imagesPerSecond = images / elapsed
    const dataWait = Math.round(1e4 * Math.min(1, waited / elapsed)) / 1e4
    secondsAtReading = position.seconds
    waited = 0
    const memory = memoryInUse(device)
    for (const { step, epoch, loss, lr } of steps) {
      if (!Number.isFinite(loss) && !skips && scaler === null)
        throw diverged(`the loss is ${loss}`, step, lr, position.checkpoint)
      record({ type: 'step', step, epoch, loss, lr, imagesPerSecond, dataWait, memory })
    }
  }

  try {
    model.train()
    for (;;) {
      const { step } = position
      const epochsDone = Math.floor(step / stepsPerEpoch)
      const atEpochEnd = step > 0 && step % stepsPerEpoch === 0
      let isBest = false
      const isEnd = () => step >= totalSteps || stopping.isDue
      let atEnd = isEnd()

      if (position.lastEval?.step !== step && (atEnd || (atEpochEnd && epochsDone % config.evalEveryEpochs === 0))) {
        report()
        const samples = sampleCollector(session.testLoader.dataset, session.normalization)
        const run = () =>
          evaluate(model, testLoader, {
            ...{ ...session, memoryFormat },
            shouldStop: () => stopRequested() !== false,
            onBatch: (batch, logits) => samples?.add(batch, logits),
          })
        const evaluation = await (ema === null ? run() : ema.whileAveraged(run))
        if (evaluation !== undefined) {
          const { loss } = evaluation
          const score = scoreOf(evaluation)
          position.lastEval = { step, ...evaluation }
          if (position.best === null || scoreValue(score) > scoreValue(position.best))
            position.best = { step, ...score }
          schedule.observe?.(step, { loss, ...score })
          stopping.observe({ loss, ...score })
          position.earlyStopping = stopping.state
          isBest = isAmongBest(position, config.checkpoint.best)
          atEnd = isEnd()
          record({ type: 'eval', step, epoch: epochsDone, loss, ...figuresOf(evaluation) })
          samples?.write(runDir, step, evaluation, recorder.warn)
        }
      }

      const finished = atEnd && position.lastEval?.step === step
      if (finished) {
        // A run that has not learned anything has failed, even if the last evaluation is from the run it resumes.
        const loss = position.lastEval?.loss ?? Number.NaN
        const isUntrained = scaler !== null && session.optimizer.steps === 0
        const failure =
          position.skipped.tooMany(true) ??
          (isUntrained ? 'the gradients overflow: no step has changed the weights' : undefined) ??
          (Number.isFinite(loss) ? undefined : `the test loss is ${loss}`)
        if (failure !== undefined) throw diverged(failure, step, schedule(step), position.checkpoint)
      }
      const stop = finished ? false : stopRequested()
      const { everyEpochs, everySteps } = config.checkpoint
      const isDue =
        (atEpochEnd && epochsDone % everyEpochs === 0) || (everySteps !== null && step > 0 && step % everySteps === 0)
      // A step that was saved before its evaluation is saved again if it is among the best.
      if (isBest || (position.savedStep !== step && (isDue || atEnd || stop !== false))) {
        report()
        const bad = firstNonFinite(model)
        if (bad !== undefined) throw diverged(`${bad} is not finite`, step, schedule(step), position.checkpoint)
        recorder.sync()
        notSaved = savePosition(session, runDir, position, record)
      }
      if (finished || stop !== false) {
        recorder.settle()
        if (notSaved !== undefined) throw unsaved(notSaved, runDir, position)
        const endedBy = stop !== false ? 'interruption' : step < totalSteps ? 'earlyStopping' : 'completion'
        return await finish(session, runDir, position, { interrupted: stop, endedBy }, record)
      }

      const began = performance.now()
      const first = await untilStopped(() => nextBatch(epochsDone), reading, stopRequested)
      if (first === undefined) continue // to the checkpoint
      waited += (performance.now() - began) / 1000
      const lr = schedule(step)
      // The last step of an epoch takes the batches that are left.
      const count = Math.min(accumulate, batchesPerEpoch - firstBatch(step))
      stepper.begin(step, lr, count)
      let images = 0
      for (let i = 0; i < count; i++) {
        if (i > 0) await breathe()
        const asked = performance.now()
        const batch = i === 0 ? first : await nextBatch(epochsDone)
        waited += (performance.now() - asked) / 1000
        stepper.add(batch)
        images += batch.labels.length
      }
      const { loss, updated } = stepper.finish()
      // Note every step, so that steps skipped before a resumption drop out in time.
      position.skipped.add(skips && !updated)
      position.step = step + 1
      losses.add({ step: step + 1, epoch: epochsDone, lr, images, loss })
      position.seconds += (performance.now() - began) / 1000
      if (losses.isDue) report()
      if (skips && position.skipped.newest) {
        recorder.warn(`step ${step + 1} skipped: loss or gradient is not finite`)
        const failure = position.skipped.tooMany(false)
        if (failure !== undefined) throw diverged(failure, step + 1, lr, position.checkpoint)
      }
      if (scaler !== null && !updated && scaler.scaleFactor < 1) {
        throw diverged('the gradients overflow whatever the scale of the loss', step + 1, lr, position.checkpoint)
      }
      await breathe()
    }
  } finally {
    // Ends the work on batches that nobody will ask for.
    await batches.return?.()
    losses.dispose()
    stepper.dispose()
  }
}

/** How often a request to stop is looked for while a batch is waited for, ms. */
const STOP_CHECK = 200

/**
 * Waits for the first batch of a step. A stream can stall, so a request to stop ends its reading. The later batches of a
 * step are not given up: what they have drawn from the random numbers would be missing after the step is resumed.
 *
 * @returns the batch; undefined if a stop is requested meanwhile
 */
async function untilStopped<T>(
  next: () => Promise<T>,
  reading: AbortController,
  stopRequested: LoopOptions['stopRequested'],
): Promise<T | undefined> {
  const timer = setInterval(() => {
    if (stopRequested() !== false) reading.abort()
  }, STOP_CHECK)
  try {
    const batch = await next()
    return reading.signal.aborted ? undefined : batch
  } catch (error) {
    if (reading.signal.aborted) return undefined
    throw error
  } finally {
    clearInterval(timer)
  }
}
