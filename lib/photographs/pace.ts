/** How fast a training goes on this machine, timed on the way that its batches take. */
import type { TrainConfig } from '../config/train'
import type { Batch, ByteBatch } from '../data/batches/batch'
import { evaluate } from '../train/evaluate'
import { openSession, type Session } from '../train/session/session'
import { Stepper } from '../train/step'

/** All values in seconds. */
export interface Pace {
  /** Opening the data and the model, with the statistics of the images. */
  opening: number
  /** An epoch: its steps with loading and averaging, and an evaluation. */
  epoch: number
  /** The part of an epoch in which its steps wait for images. */
  waiting: number
  /** The evaluation of the test images at the end; 0 if they are those of each epoch. */
  closing: number
}

/** Share of the time for measuring that evaluation may take. */
const EVALUATION = 0.3

/** Batches at the beginning that do not count: memory is new, and the loader's threads have only begun. */
const WARM_UP = 3

/** The least batches that count. */
const LEAST_BATCHES = 2

const secondsSince = (began: number): number => (performance.now() - began) / 1000

/**
 * Opens a training as it will be, takes some of its steps and evaluates some of its images.
 *
 * @param config a complete configuration; nothing is written
 * @param most seconds that steps and evaluation may take; a few batches are always timed
 * @throws MbconvError as opening a run does: ERR_DATA, ERR_CONFIG, ERR_IO …
 */
export async function measurePace(config: TrainConfig, most: number): Promise<Pace> {
  const began = performance.now()
  const session = await openSession(config)
  try {
    const opening = secondsSince(began)
    const { batchesPerEpoch, testImages, finalLoader } = session
    const batch = await secondsOfBatch(session, most * (1 - EVALUATION))
    const evaluated = await secondsOfEvaluated(session, most * EVALUATION)
    return {
      opening,
      epoch: batchesPerEpoch * batch.all + testImages * evaluated,
      waiting: batchesPerEpoch * batch.waiting,
      closing: finalLoader === null ? 0 : finalLoader.dataset.length * evaluated,
    }
  } finally {
    session.dispose()
  }
}

/** Seconds from one batch to the next, and how many of them are spent waiting for it. */
async function secondsOfBatch(session: Session, most: number): Promise<{ all: number; waiting: number }> {
  const stepper = new Stepper(session)
  const batches = endless(session)
  session.model.train()
  try {
    let began = performance.now()
    let waiting = 0
    for (let done = 0; ; done++) {
      if (done === WARM_UP) {
        began = performance.now()
        waiting = 0
      }
      const counted = done - WARM_UP
      const seconds = secondsSince(began)
      if (counted >= LEAST_BATCHES && seconds >= most) return { all: seconds / counted, waiting: waiting / counted }
      const asked = performance.now()
      const { value } = await batches.next()
      waiting += secondsSince(asked)
      const { loss } = stepper.take(value as Batch | ByteBatch, 0)
      if (typeof loss === 'number') continue
      loss.item() // waits for the device
      loss.dispose()
    }
  } finally {
    await batches.return?.()
    stepper.dispose()
  }
}

/** Batches of epoch after epoch, from the middle of the run on: there, growing images have about their mean size. */
async function* endless({ config, trainLoader }: Session): AsyncGenerator<Batch | ByteBatch, void, undefined> {
  for (let epoch = Math.floor(config.epochs / 2); ; epoch++) {
    const batches = trainLoader.epoch(epoch)
    try {
      for (let next = await batches.next(); !next.done; next = await batches.next()) yield next.value
    } finally {
      await batches.return?.()
    }
  }
}

/** Seconds of an evaluated image. The first time counts only if there is none for another. */
async function secondsOfEvaluated(session: Session, most: number): Promise<number> {
  const { model, ema, testLoader, config } = session
  async function timed(): Promise<{ seconds: number; images: number }> {
    const began = performance.now()
    let images = 0
    const run = () =>
      evaluate(model, testLoader, {
        ...{ ...session, memoryFormat: config.memoryFormat },
        shouldStop: () => images > 0 && secondsSince(began) >= most / 2,
        onBatch: ({ labels }) => {
          images += labels.length
        },
      })
    await (ema === null ? run() : ema.whileAveraged(run))
    return { seconds: secondsSince(began), images }
  }
  let last = await timed()
  if (last.seconds < most / 2) last = await timed()
  return last.seconds / Math.max(1, last.images)
}
