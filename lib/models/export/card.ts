/**
 * The model card: everything besides the weights that is needed to use them, as JSON that travels with them.
 */
import { z } from 'zod'
import { cuts, FITS, fillOf, type Preprocessing } from '../../data/images/preprocessing'
import { checkOptions, shown } from '../../errors/check'
import { MbconvError } from '../../errors/error'
import { writeFileAtomic } from '../../files/atomic'
import { readableJson } from '../../files/json'
import { readText } from '../../files/open'
import { resolution } from '../../schema/fields'
import type { Arch } from '../arch/arch'
import { checkArch } from '../arch/check'
import { ACTIVATIONS, GLOBAL_POOL_NAMES, SQUEEZE_CHOICES } from '../arch/choices'
import { BLOCK_KINDS } from '../arch/kinds'
import { checkResolution } from '../arch/resolution'
import { COUNTING_RULE, count } from '../cost/count'
import { Network } from '../network/network'
import { checkProfile, type Profile } from '../network/profiles'
import type { Confidence } from './confidence'
import { DEFAULT_THRESHOLD, TASKS, type Task } from './task'

/**
 * Raised when an older program could not use what a newer one wrote. Format 1 knew no `squash` and no `colorManagement`,
 * format 2 no `edge` blocks and no `dropPath`, format 3 no `confidence`, format 4 no rectangles, no `pad`, no `task` and no
 * `thresholds`, format 5 no `globalPool` and no networks without classes.
 */
const FORMAT = 6

/** A card has a few kilobytes, or some hundred with many class names. */
const MAX_BYTES = 64 * 2 ** 20

const count0 = z.int().min(0)
const size = z.int().min(1)
const activation = z.enum(ACTIVATIONS)

const stage = z.strictObject({
  block: z.enum(BLOCK_KINDS).optional(),
  kernel: size,
  stride: size,
  expand: z.number(),
  expanded: size.optional(),
  channels: size,
  layers: size,
  seRatio: z.number(),
  activation: activation.optional(),
})

const arch = z.strictObject({
  name: z.string().min(1),
  stem: size,
  stemKernel: size.optional(),
  stemPool: z.boolean().optional(),
  stages: z.array(stage).min(1),
  head: count0,
  hidden: count0.optional(),
  globalPool: z.enum(GLOBAL_POOL_NAMES).optional(),
  activation: activation.optional(),
  squeeze: z
    .strictObject({
      of: z.enum(SQUEEZE_CHOICES.of),
      activation: z.enum(SQUEEZE_CHOICES.activation),
      gate: z.enum(SQUEEZE_CHOICES.gate),
    })
    .optional(),
  width: z.number(),
  depth: z.number(),
  resolution: resolution(1),
  dropout: z.number(),
  dropPath: z.number().optional(),
  divisor: size,
  leastShare: z.number().optional(),
  fixedEnds: z.boolean().optional(),
  wideHead: z.boolean().optional(),
})

const rgb = z.tuple([z.number(), z.number(), z.number()])
const profile = z.strictObject({
  name: z.string(),
  padding: z.enum(['symmetric', 'same']),
  bnEps: z.number().positive(),
  bnMomentum: z.number().min(0).max(1),
  mean: rgb,
  std: rgb,
})

const preprocessing = z
  .strictObject({
    channels: size,
    size: z.tuple([size, size]).nullable(),
    resolution: resolution(1),
    fit: z.enum(FITS),
    cropShare: z.number().positive().max(1).nullable(),
    fill: z.array(z.int().min(0).max(255)).nullable().default(null),
    interpolation: z.enum(['bilinear', 'bicubic']),
    colorManagement: z.boolean().default(false),
    mean: z.array(z.number()).min(1),
    std: z.array(z.number().positive()).min(1),
  })
  .refine(({ fit, cropShare }) => cuts(fit) === (cropShare !== null), {
    path: ['cropShare'],
    message: 'must be a number with fit "crop" and "squash", null with "stretch" and "pad"',
  })
  .refine(({ fit, fill, channels }) => (fit === 'pad' ? fill?.length === channels : fill === null), {
    path: ['fill'],
    message: 'must be a byte for each channel with fit "pad", null otherwise',
  })
  .refine(({ channels, mean, std }) => mean.length === channels && std.length === channels, {
    path: ['mean'],
    message: 'mean and std must have a number for each channel',
  })

const PREPROCESSING_OPTIONS = [
  ...['size', 'resolution', 'fit', 'cropShare', 'fill', 'interpolation', 'colorManagement', 'mean', 'std'],
]

const share = z.number().min(0).max(1)
const evaluated = { loss: z.number().nullable(), images: count0, step: count0.nullable() }
const metrics = z.union([
  z.strictObject({ top1: share, top5: share, ...evaluated }),
  z.strictObject({ mAP: share, macroF1: share, microF1: share, ...evaluated }),
])

const confidence = z.strictObject({
  temperature: z.number().positive(),
  quantiles: z.array(z.number().min(0).max(1)).length(101),
})

const cardSchema = z.strictObject({
  format: z.literal([1, 2, 3, 4, 5, FORMAT]).transform(() => FORMAT),
  name: z.string().min(1),
  arch,
  profile,
  classes: z.array(z.string()),
  preprocessing,
  counts: z.strictObject({ params: count0, macs: count0, rule: z.string() }),
  // Not checked further, so that a card stays readable when the training configuration gets new fields.
  training: z.record(z.string(), z.unknown()).nullable(),
  metrics: metrics.nullable(),
  confidence: confidence.nullable().default(null),
  task: z.enum(TASKS).default('classification'),
  thresholds: z.array(share).nullable().default(null),
  source: z.string().nullable(),
  notes: z.array(z.string()),
})

/** The result of an evaluation, by task. */
export type CardMetrics = CardEvaluation & (ClassMetrics | LabelMetrics)

/** Figures of a model that gives an image one class; shares of images, 0 to 1. */
export interface ClassMetrics {
  /** Share of images whose most probable class is the right one, 0 … 1. */
  readonly top1: number
  /** Share of images whose class is among the five most probable. */
  readonly top5: number
}

/** Figures of a model that gives an image any number of labels, 0 to 1. */
export interface LabelMetrics {
  /** Mean average precision of the labels, 0 … 1. */
  readonly mAP: number
  /** F1 at the thresholds, 0 … 1: mean of the labels, and of all predictions together. */
  readonly macroF1: number
  /** F1 over all labels together. */
  readonly microF1: number
}

/** How a model's figures were measured. */
export interface CardEvaluation {
  /** Null if the loss is NaN or infinite. */
  readonly loss: number | null
  /** Number of images that were evaluated. */
  readonly images: number
  /** The training step of the evaluated weights; null if there is none. */
  readonly step: number | null
}

/** Everything besides the weights that is needed to use a model. It is plain data, suitable for JSON. */
export interface ModelCard {
  /** The version of this file format. */
  readonly format: typeof FORMAT
  /** What people call the model. */
  readonly name: string
  /** The table of stages, as `models.create` takes it. */
  readonly arch: Arch
  /** Its numeric profile, complete. */
  readonly profile: Profile
  /**
   * `classification`: softmax of the logits gives the probabilities. `multiLabel`: the sigmoid of each logit is the
   * probability of its label.
   */
  readonly task: Task
  /** Only with `multiLabel`: the probability from which each label is predicted, in the order of the logits; else null. */
  readonly thresholds: readonly number[] | null
  /** Class names, in the order of the logits; none in a network without a classifier. */
  readonly classes: readonly string[]
  /** How an image becomes the input. */
  readonly preprocessing: Preprocessing
  /** For these classes, channels and this resolution. `rule` defines a multiply-add. */
  readonly counts: {
    /** Trainable parameters. */
    readonly params: number
    /** Multiply-adds for one image. */
    readonly macs: number
    /** What counts as a multiply-add. */
    readonly rule: string
  }
  /** The complete configuration of the training run; null if the weights come from elsewhere. */
  readonly training: Readonly<Record<string, unknown>> | null
  /** How good the model is; null if that was not measured. */
  readonly metrics: CardMetrics | null
  /** How sure the network is on images that it was evaluated on; null if that was not measured. */
  readonly confidence: Readonly<Confidence> | null
  /** Where the weights came from: an address, a file's name, a run's checkpoint. */
  readonly source: string | null
  /** Further facts for users, such as a re-initialised classifier. */
  readonly notes: readonly string[]
}

/** What a card says that the network does not know. */
export interface CardOptions {
  /** Default: the architecture's. */
  name?: string
  /** One name per class. Default: `class 0` and so on. */
  classes?: readonly string[]
  /**
   * Changes to the default, which is a centre crop of 0.875 with bicubic interpolation at the architecture's
   * resolution, normalised with the profile's mean and standard deviation. With `fit: 'pad'`, `fill` is the mean. Mean and standard deviation are required
   * where channels are not 3.
   */
  preprocessing?: Partial<Omit<Preprocessing, 'channels'>>
  /** How the model was trained, any plain data. Default null. */
  training?: object | null
  /** How good the model is. Default null. */
  metrics?: CardMetrics | null
  /** The distribution of confidence, for rejecting unknown images. Default null. */
  confidence?: Confidence | null
  /** Default 'classification'. */
  task?: Task
  /** With `multiLabel`. Default: 0.5 for each class. */
  thresholds?: readonly number[] | null
  /** Where the weights come from, for people. Default null. */
  source?: string | null
  /** Anything else that users should know, a sentence each. Default: none. */
  notes?: readonly string[]
}

/**
 * Makes the card of a network.
 *
 * @throws MbconvError ERR_TYPE or ERR_VALUE naming the value that does not fit
 */
export function makeCard(network: Network, options: CardOptions = {}): ModelCard {
  const op = 'makeCard'
  if (!(network instanceof Network)) {
    throw new MbconvError('ERR_TYPE', `${op}: network must be a network, as models.create makes them`, { op })
  }
  checkOptions(op, options, [
    'name',
    'classes',
    'preprocessing',
    'training',
    'metrics',
    'confidence',
    'task',
    'thresholds',
    'source',
    'notes',
  ])
  const { arch, profile, numClasses, inChannels } = network
  const { name = arch.name, training = null, metrics = null } = options
  const { confidence = null, task = 'classification', source = null, notes = [] } = options
  const { classes = Array.from({ length: numClasses }, (_, i) => `class ${i}`) } = options
  if (Array.isArray(classes) && classes.length !== numClasses) {
    const text = `${op}: classes has ${classes.length} names, the network ${numClasses} classes`
    throw new MbconvError('ERR_VALUE', text, { op })
  }
  const thresholds =
    options.thresholds ?? (task === 'multiLabel' ? Array<number>(numClasses).fill(DEFAULT_THRESHOLD) : null)
  const given = options.preprocessing ?? {}
  checkOptions(op, given, PREPROCESSING_OPTIONS)
  if (inChannels !== 3 && (given.mean === undefined || given.std === undefined)) {
    const text = `${op}: preprocessing.mean and std must be given for images of ${inChannels} channels`
    throw new MbconvError('ERR_VALUE', text, { op })
  }
  const { fit = 'crop', mean = profile.mean } = given
  const resolution = checkResolution(op, 'preprocessing.resolution', given.resolution ?? arch.resolution)
  const preprocessing = {
    channels: inChannels,
    size: given.size ?? null,
    resolution,
    fit,
    cropShare: given.cropShare ?? (cuts(fit) ? 0.875 : null),
    fill: given.fill ?? (fit === 'pad' && Array.isArray(mean) ? fillOf(mean) : null),
    interpolation: given.interpolation ?? 'bicubic',
    colorManagement: given.colorManagement ?? false,
    mean,
    std: given.std ?? profile.std,
  }
  const { params, macs } = count(arch, { numClasses, inChannels, resolution })
  const counts = { params, macs, rule: COUNTING_RULE }
  // JSON drops undefined fields, so the card in memory has none either.
  const card = jsonOf(op, {
    ...{
      format: FORMAT,
      name,
      arch,
      profile,
      classes,
      preprocessing,
      counts,
      training,
      metrics,
      confidence,
      task,
      thresholds,
      source,
      notes,
    },
  })
  return checkCard(card, (problem) => {
    throw new MbconvError('ERR_VALUE', `${op}: ${problem}`, { op })
  })
}

function jsonOf(op: string, value: unknown): unknown {
  try {
    return JSON.parse(JSON.stringify(value))
  } catch (cause) {
    throw new MbconvError('ERR_TYPE', `${op}: a card is plain data: ${(cause as Error).message}`, { op, cause })
  }
}

/** Checks a card from a caller and gives it the form that a file would have. */
export function checkedCard(op: string, card: ModelCard): ModelCard {
  if (typeof card !== 'object' || card === null) {
    throw new MbconvError('ERR_TYPE', `${op}: card must be a model card, as models.makeCard makes them`, { op })
  }
  return checkCard(jsonOf(op, card), (problem) => {
    throw new MbconvError('ERR_VALUE', `${op}: ${problem}`, { op })
  })
}

function checkCard(raw: unknown, refuse: (problem: string, hint?: string) => never): ModelCard {
  const { format } = (raw ?? {}) as { format?: unknown }
  if (typeof format === 'number' && format > FORMAT) refuse(`it has format ${format}, a newer one`, 'Update mbconv.')
  const checked = cardSchema.safeParse(raw)
  if (!checked.success) return refuse(`it is no model card:\n${z.prettifyError(checked.error)}`)
  const card = checked.data as ModelCard
  checkTask(card, refuse)
  try {
    checkProfile('card', card.profile)
    return { ...card, arch: checkArch('card', card.arch) }
  } catch (error) {
    if (error instanceof MbconvError) return refuse(error.message)
    throw error
  }
}

/** Refuses what does not belong to the card's task. */
function checkTask(card: ModelCard, refuse: (problem: string) => never): void {
  const { task, thresholds, metrics, confidence, classes } = card
  const isMultiLabel = task === 'multiLabel'
  if (isMultiLabel !== (thresholds !== null)) refuse(`thresholds must be given with task multiLabel only, not ${task}`)
  if (thresholds !== null && thresholds.length !== classes.length)
    refuse(`thresholds has ${thresholds.length} numbers, and there are ${classes.length} classes`)
  if (metrics !== null && isMultiLabel !== 'mAP' in metrics) refuse(`metrics are not those of task ${task}`)
  if (isMultiLabel && confidence !== null) refuse('confidence is of task classification only')
}

function checkPath(op: string, path: unknown): void {
  if (typeof path === 'string' && path !== '') return
  throw new MbconvError('ERR_TYPE', `${op}: path must be a string that is not empty, got ${shown(path)}`, { op })
}

/**
 * Writes a card atomically: `path` holds either its old content or all of the new.
 *
 * @throws MbconvError ERR_VALUE for an invalid card, ERR_IO
 */
export function writeCard(path: string, card: ModelCard): void {
  const op = 'writeCard'
  checkPath(op, path)
  writeFileAtomic(path, readableJson(checkedCard(op, card)))
}

/**
 * Reads a card.
 *
 * @throws MbconvError ERR_FORMAT naming the file and the problem, including unknown keys; ERR_IO
 */
export function readCard(path: string): ModelCard {
  const op = 'readCard'
  checkPath(op, path)
  return parseCard(readText(path, { op, most: MAX_BYTES }), path)
}

/**
 * Parses a card from text, such as a file's metadata.
 *
 * @param name how errors name the source
 * @throws MbconvError ERR_FORMAT
 */
export function parseCard(text: string, name: string): ModelCard {
  const refuse = (problem: string, hint?: string): never => {
    throw new MbconvError('ERR_FORMAT', `${name}: ${problem}`, { op: 'readCard', hint })
  }
  let raw: unknown
  try {
    raw = JSON.parse(text)
  } catch (error) {
    refuse(`it is not JSON (${(error as Error).message})`)
  }
  return checkCard(raw, refuse)
}
