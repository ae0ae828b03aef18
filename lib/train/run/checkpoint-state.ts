/** state.json of a checkpoint: everything besides tensors that the next step, or a user of the weights, needs. */
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { z } from 'zod'
import { completed, trainConfigSchema } from '../../config/train'
import { MbconvError } from '../../errors/error'
import { ioError } from '../../files/io-error'
import { readableJson } from '../../files/json'
import { readText } from '../../files/open'
import { DEFAULT_THRESHOLD } from '../../models/export/task'
import { METRICS } from '../../optim/schedules/schedule'
import { resolution } from '../../schema/fields'

/** Raise this when older programs could not use files of the new form. */
const FORMAT_VERSION = 1

export const STATE_FILE = 'state.json'

/** The tensor files of a checkpoint; `ema` only if the run keeps an average. */
export const PARTS = ['model', 'ema', 'optimizer'] as const
export type Part = (typeof PARTS)[number]

const count = z.int().min(0)
const file = z.strictObject({ bytes: count, sha256: z.string() })
const channels = z.array(z.number()).min(1)
// A loss may be NaN, which JSON cannot represent.
const measured = z
  .number()
  .nullable()
  .transform((value) => value ?? Number.NaN)
const shares = z.array(z.number().nullable())
const evaluated = z.union([z.object({ step: count, mAP: z.number() }), z.object({ step: count, top1: z.number() })])

const classEvaluation = z.object({
  step: count,
  // Missing in checkpoints that are older than other tasks.
  task: z.literal('classification').default('classification'),
  loss: measured,
  top1: z.number(),
  top5: z.number(),
  confusion: z.array(z.array(count)).nullable(),
  perClass: z
    .object({ images: z.array(count), precision: shares, recall: shares })
    .nullable()
    .default(null),
  ece: measured.prefault(null),
  confidence: z
    .object({ temperature: z.number().positive(), quantiles: z.array(z.number()).length(101) })
    .nullable()
    .default(null),
  classes: z.array(z.string()),
})

const multiLabelEvaluation = z.object({
  step: count,
  task: z.literal('multiLabel'),
  loss: measured,
  mAP: z.number(),
  macroF1: z.number(),
  microF1: z.number(),
  images: count,
  thresholds: z.array(z.number()),
  perClass: z
    .object({ images: z.array(count), averagePrecision: shares, f1: shares, precision: shares, recall: shares })
    .nullable(),
  classes: z.array(z.string()),
})

const trainState = z.object({
  /** Steps done. */
  step: count,
  /** Epochs completed. */
  epoch: count,
  /** Number of finished batches of the epoch that the next step belongs to. */
  batchInEpoch: count,
  stepsPerEpoch: z.int().min(1),
  /** What the steps were done with. Keys that are newer than the checkpoint have their defaults, derived ones too. */
  config: trainConfigSchema.transform((parsed, context) => {
    try {
      return completed(parsed)
    } catch (error) {
      context.addIssue((error as Error).message)
      return z.NEVER
    }
  }),
  dataset: z.object({
    name: z.string(),
    classes: z.array(z.string()).min(1),
    /** [channels, height, width] of an image, before resizing; null where they are files of any size. */
    shape: z.tuple([z.int().min(1), z.int().min(1), z.int().min(1)]).nullable(),
    /** Identifies the training images and labels. */
    fingerprint: z.string(),
  }),
  /** The normalisation of pixels in 0 … 1, one number per channel. */
  normalization: z.object({ mean: channels, std: channels }),
  /** Of the model's input, px. */
  resolution: resolution(1),
  /** Each generator's state in base64, by device. */
  randomState: z.record(z.string(), z.string()),
  /** Updates that the optimiser has made; skipped steps do not count. */
  optimizerSteps: count,
  emaUpdates: count,
  /** The newest evaluation; null before the first. */
  lastEval: z.union([multiLabelEvaluation, classEvaluation]).nullable(),
  /** The best evaluation so far, by top-1 or mAP. */
  best: evaluated.nullable(),
  /** The evaluations whose checkpoints checkpoint.best keeps, best first. */
  kept: z.array(evaluated).default([]),
  /** What earlyStopping has seen: the best result, and the evaluations since; null if it is off. */
  earlyStopping: z
    .object({ metric: z.enum(METRICS), best: z.number().nullable(), bad: count })
    .nullable()
    .default(null),
  /** What the schedule has learned from evaluations; null if it depends on the step only. */
  schedule: z.record(z.string(), z.number().nullable()).nullable().default(null),
  /** State of the loss scaler; null without one. */
  scaler: z
    .object({
      scaleFactor: z.number().positive(),
      growthFactor: z.number().gt(1),
      backoffFactor: z.number().positive().lt(1),
      growthInterval: z.int().min(1),
      goodSteps: count,
      skipped: count,
    })
    .nullable()
    .default(null),
  /** What computed the steps. null in checkpoints that are older than native training: libtorch's operations. */
  computed: z
    .object({
      backend: z.enum(['composite', 'native']),
      /** The instruction set of native kernels; null without them. */
      kernels: z.string().nullable(),
    })
    .nullable()
    .default(null),
  /** Seconds spent on training steps. */
  seconds: z.number().min(0),
  /** With onDivergence 'skip': which of the latest steps were skipped, oldest first. */
  skipped: z.array(z.boolean()).default([]),
})

export type TrainState = z.output<typeof trainState>

/** What computes the steps of a run: libtorch's operations, or native kernels of one instruction set. */
export type Computed = NonNullable<TrainState['computed']>

/**
 * The thresholds of the labels, chosen by the newest evaluation; {@link DEFAULT_THRESHOLD} before the first. null where
 * images have one class.
 */
export function thresholdsOf({ config, dataset, lastEval }: TrainState): number[] | null {
  if (config.task !== 'multiLabel') return null
  return lastEval?.task === 'multiLabel' ? lastEval.thresholds : dataset.classes.map(() => DEFAULT_THRESHOLD)
}

/** The tensor files by part, with their expected size and checksum. */
export type PartFiles = Partial<Record<Part, { bytes: number; sha256: string }>>

const stateFile = z.object({
  version: z.literal(FORMAT_VERSION),
  state: trainState,
  files: z.strictObject({ model: file, ema: file.optional(), optimizer: file }),
})

const digest = (body: unknown) => createHash('sha256').update(JSON.stringify(body)).digest('hex')

/** An error about an unusable checkpoint. */
export function broken(path: string, problem: string, cause?: unknown): MbconvError {
  return new MbconvError('ERR_CHECKPOINT', `${path}: ${problem}`, {
    hint: 'Use an older checkpoint of the run, or train again.',
    cause,
  })
}

/** The text of the file. It ends with a checksum of everything before. */
export function encodeState(state: TrainState, files: PartFiles): string {
  const body = { version: FORMAT_VERSION, state, files }
  return readableJson({ ...body, sha256: digest(body) })
}

/**
 * Reads a checkpoint folder's state.
 *
 * @throws MbconvError ERR_CHECKPOINT if it is missing, damaged, or of a newer version
 */
export function readState(folder: string): { state: TrainState; files: PartFiles } {
  const path = join(folder, STATE_FILE)
  let text: string
  try {
    text = readText(path, { op: 'checkpoint' })
  } catch (error) {
    throw broken(folder, `not a checkpoint (${ioError('read', path, error).message})`, error)
  }
  let parsed: Record<string, unknown>
  try {
    parsed = JSON.parse(text)
  } catch (error) {
    throw broken(path, `not JSON (${(error as Error).message})`, error)
  }
  if (typeof parsed !== 'object' || parsed === null) throw broken(path, 'not the state of a checkpoint')
  // JSON keeps the order of keys and every digit of a number, so the text that was checksummed can be reproduced.
  const { sha256, ...body } = parsed
  if (sha256 !== digest(body)) throw broken(path, 'its checksum does not fit')
  if (Number.isSafeInteger(body.version) && Number(body.version) > FORMAT_VERSION) {
    throw new MbconvError('ERR_CHECKPOINT', `${path}: written by a newer version (format ${body.version})`, {
      hint: 'Update mbconv.',
    })
  }
  const checked = stateFile.safeParse(body)
  if (!checked.success) throw broken(path, `not the state of a checkpoint:\n${z.prettifyError(checked.error)}`)
  return checked.data
}
