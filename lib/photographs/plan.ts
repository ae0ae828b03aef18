/**
 * Chooses how to train on a folder of photographs, from the number of images and classes and the weights at hand.
 *
 * The choice is a training configuration like any other, and each part of it comes with its reason.
 */

import { publishedWeightsOf } from '../config/named-weights'
import { parseConfig, type TrainConfig, type TrainConfigInput } from '../config/train'
import { resolveDevice } from '../cuda/choice'
import { isCache, readCacheIndex } from '../data/cache/format'
import type { Dataset } from '../data/dataset/image-dataset'
import { dataParts, type ListedImages } from '../data/dataset/photo-dataset'
import { cacheKind, listCache } from '../data/sources/cache'
import { folderKind, listFolder } from '../data/sources/folder'
import { MbconvError } from '../errors/error'
import type { Arch } from '../models/arch/arch'
import { scale } from '../models/arch/scaling'
import { count } from '../models/cost/count'
import { measureLatency } from '../models/cost/latency'
import { arch, canonicalName } from '../models/families/catalogue'
import { impliedProfile } from '../models/families/library-names'
import { fit } from '../models/fit/fit'
import { weightsFile } from '../models/weights/pretrained'
import { publishedWeights } from '../models/weights/published'
import { counted, duration, short, whole } from '../text/figures'
import { measurePace, type Pace } from './pace'

export interface PhotographsRequest {
  /** The folder of training images, or a cache of them. */
  path: string
  /** A folder of test images with the same classes. */
  test?: string
  /** An architecture. Default: EfficientNet-B0, or that of the weights. */
  model?: string
  /** A file, or the name of published weights. Default: published weights of the architecture that have been fetched. */
  weights?: string
  epochs?: number
  /** The time that training from nothing may take, with the time to plan it. Default 10. */
  minutes?: number
  /** Completes a configuration as it will be trained, for measuring. Default: with the defaults of its keys. */
  complete?: (config: TrainConfigInput) => TrainConfig
  /** Called with a sentence before something that takes long. */
  note?: (text: string) => void
}

/** What a plan measures. Tests pretend it. */
export interface Measures {
  /** How fast a training goes, timed in at most so many seconds. */
  pace: (config: TrainConfig, most: number) => Promise<Pace>
  /** The scaled network whose training step takes the wanted time. */
  network: (base: Arch, wanted: Wanted) => Network
}

export interface PhotographsPlan {
  config: TrainConfigInput
  /** A sentence for each choice. */
  reasons: string[]
}

/** Share of the training images that is held out for validation beside a test folder. */
const HELD_OUT = 0.2

/** Facts that the choice depends on. */
interface Facts {
  images: number
  classes: number
}

/**
 * Training from nothing is measured: the first steps of the training itself, as far as it takes to choose network and
 * epochs for the time there is.
 *
 * @throws MbconvError ERR_DATA for a folder without images or with a single class; ERR_CONFIG for an unknown
 *   architecture or weights that do not fit it
 */
export async function planForPhotographs(
  request: PhotographsRequest,
  measures: Measures = { pace: measurePace, network: fitted },
): Promise<PhotographsPlan> {
  const began = performance.now()
  const { listed, data } = imagesOf(request)
  const { train, validation, test: tested } = dataParts(listed)
  const facts = factsOf(train)
  const found = weightsAtHand(request)
  const withData = (config: TrainConfigInput) => ({ ...config, data: { ...data, ...config.data } }) as TrainConfigInput
  const { complete = parseConfig } = request
  const pace: PaceOf = (config, most) => measures.pace(complete(withData(config)), most)
  const { config, reasons } =
    found === undefined
      ? await fromNothing(facts, request, { pace, network: measures.network, began })
      : fineTuned(facts, found, request)
  const chosen = withData(config)
  const { schedule, why } = shortWarmUp(chosen, complete)
  return {
    config: { ...chosen, ...schedule },
    reasons: [
      `${whole(facts.images)} training images in ${facts.classes} classes; ${whole((validation ?? tested).length)} others choose the best checkpoint`,
      ...reasons,
      ...why,
    ],
  }
}

/** The images, and the part of a configuration that names them. */
function imagesOf({ path, test }: PhotographsRequest): { listed: ListedImages; data: TrainConfigInput['data'] } {
  const cached = isCache(path)
  if (cached) checkCache(path, test)
  const listed = cached ? listCache({ path }) : listFolder({ path, ...(test !== undefined && { test }) })
  // The best checkpoint is chosen by other images than the test's.
  const holdsOut = listed.parts.test !== undefined && listed.parts.validation === undefined
  const split = holdsOut ? { split: HELD_OUT } : {}
  const data = cached
    ? { dataset: cacheKind.name, cache: { path, ...split } }
    : { dataset: folderKind.name, folder: { path, ...(test !== undefined && { test }), ...split } }
  return { listed: { ...listed, options: { ...listed.options, ...split } }, data: data as TrainConfigInput['data'] }
}

/** A cache has its own test images, and one class an image. */
function checkCache(path: string, test: string | undefined): void {
  if (test !== undefined) {
    throw new MbconvError('ERR_CONFIG', 'test is for a folder of images: a cache has its own test images', {
      hint: 'mbconv data cache FOLDER --test TEST --to CACHE writes both into one cache',
    })
  }
  if (!readCacheIndex(path).multiLabel) return
  throw new MbconvError('ERR_CONFIG', `${path}: its images have several labels, which need a configuration file`, {
    hint: `with task: multiLabel, and data: {dataset: cache, cache: {path: ${path}}}`,
  })
}

/** The largest share of a run in which the learning rate may rise. */
const WARM_UP = 0.2

/** A shorter warm-up, if that of the recipe is too long for the run. The user's own keys of the schedule stay. */
function shortWarmUp(
  config: TrainConfigInput,
  complete: (config: TrainConfigInput) => TrainConfig,
): { schedule?: Pick<TrainConfigInput, 'schedule'>; why: string[] } {
  const warmUpOf = ({ schedule }: TrainConfig) => ('warmupEpochs' in schedule ? schedule.warmupEpochs : 0)
  const asRecipe = complete(config)
  const warmupEpochs = Number(short(WARM_UP * asRecipe.epochs))
  if (warmUpOf(asRecipe) <= warmupEpochs) return { why: [] }
  const schedule = { schedule: { warmupEpochs } } as Pick<TrainConfigInput, 'schedule'>
  if (warmUpOf(complete({ ...config, ...schedule })) !== warmupEpochs) return { why: [] }
  const why = `schedule.warmupEpochs ${warmupEpochs}, a fifth of the run: the recipe's ${warmUpOf(asRecipe)} suits a longer one`
  return { schedule, why: [why] }
}

function factsOf(train: Dataset): Facts {
  const classes = train.classes.length
  if (classes < 2)
    throw new MbconvError('ERR_DATA', `${train.name} has one class, ${train.classes[0]}; training needs at least two`, {
      hint: 'Put the images of each class in a folder of its own.',
    })
  return { images: train.length, classes }
}

/** Weights to begin with, the architecture they are for, and where they came from. */
interface Found {
  model: string
  weights: string
  why: string
}

/** @returns undefined if there are none */
function weightsAtHand({ model, weights }: PhotographsRequest): Found | undefined {
  if (weights !== undefined) {
    const published = publishedWeightsOf(weights)
    return { model: model ?? published?.arch ?? 'efficientnet_b0', weights, why: 'as asked' }
  }
  const wanted = canonicalName(model ?? 'efficientnet_b0')
  const here = publishedWeights().find((each) => each.arch === wanted && isFetched(each))
  return here && { model: wanted, weights: here.name, why: 'they have been fetched' }
}

function isFetched(published: Parameters<typeof weightsFile>[0]): boolean {
  try {
    weightsFile(published)
    return true
  } catch {
    return false
  }
}

/** Batch size: about 20 updates an epoch, so that a small set is not a handful of steps. Fewer than 16 images waste time. */
function batchFor(images: number, most: number): number {
  return Math.min(most, Math.max(16, 2 ** Math.floor(Math.log2(Math.max(1, images / 20)))))
}

/** Updates that fine-tuning takes; more of them overfit a small set, fewer leave the classifier unfinished. */
const FINE_TUNING_UPDATES = 1500

function fineTuned({ images }: Facts, { model, weights, why }: Found, request: PhotographsRequest): PhotographsPlan {
  if (request.minutes !== undefined) {
    throw new MbconvError('ERR_CONFIG', `minutes are for training from nothing; there are weights: ${weights}`, {
      hint: 'set epochs for the length of fine-tuning',
    })
  }
  const batchSize = batchFor(images, 32)
  const perEpoch = Math.max(1, Math.floor(images / batchSize))
  const { epochs = clamp(Math.ceil(FINE_TUNING_UPDATES / perEpoch), 5, 50) } = request
  // A smaller batch has a noisier gradient; the rate follows its square root, as is usual for Adam.
  const lr = round(1e-3 * Math.sqrt(batchSize / 32))
  return {
    config: {
      recipe: 'fine-tune',
      model: { name: model, weights },
      data: { batchSize },
      optimizer: { lr },
      epochs,
    },
    reasons: [
      `weights: ${weights}, ${why}; recipe: fine-tune`,
      `batch ${batchSize}: ${counted(perEpoch, 'update')} an epoch`,
      request.epochs === undefined
        ? `epochs ${epochs}: about ${whole(epochs * perEpoch)} updates; fine-tuning takes about ${whole(FINE_TUNING_UPDATES)}`
        : `epochs ${epochs}, as asked: ${whole(epochs * perEpoch)} updates`,
      `learning rate ${lr}: 0.001 at batch 32, with the square root of the batch`,
    ],
  } as PhotographsPlan
}

/** Images that a network sees in training from nothing, if the set is small. */
const IMAGES_SEEN = 40_000

/** The most epochs, as a multiple of those that see so many images: where even the largest network leaves time. */
const MOST_EPOCHS = 2

/** Share of the time that is left for loading, averaging and evaluation, until they have been measured. */
const RESERVE = 0.4

/** Share of the time that is left for checkpoints, curves and steps that take longer than those that were measured. */
const MARGIN = 0.05

/** Share of the time that one measurement may take, and the seconds that suffice however much time there is. */
const MEASURING = 0.03
const MEASURING_SUFFICES = 20

/** A network is chosen anew if the training would take another time than there is, by more than this share. */
const TOLERANCE = 0.15

/** The network is at least this small. */
const LEAST = { width: 0.25, depth: 0.34, resolution: 48 }

/** Measures the pace of a configuration that is not complete yet, in at most so many seconds. */
type PaceOf = (config: TrainConfigInput, most: number) => Promise<Pace>

async function fromNothing(
  { images, classes }: Facts,
  request: PhotographsRequest,
  { began, ...measures }: { pace: PaceOf; network: Measures['network']; began: number },
): Promise<PhotographsPlan> {
  const { model, minutes = 10 } = request
  const usual = request.epochs ?? clamp(Math.round(IMAGES_SEEN / images), 10, 100)
  const name = canonicalName(model ?? 'efficientnet_b0')
  const profile = impliedProfile(model ?? name)
  const batchSize = batchFor(images, 32)
  const base = scale(arch(name), LEAST)
  const configOf = (network: Network, epochs: number) =>
    ({ recipe: 'scratch', model: { ...network, name, profile }, data: { batchSize }, epochs }) as TrainConfigInput

  const all = 60 * minutes
  const networkFor = (seconds: number) => measures.network(base, { seconds, batchSize, classes })
  const paceOf = (network: Network) =>
    measures.pace(configOf(network, usual), Math.min(MEASURING_SUFFICES, MEASURING * all))
  const seconds = (all * (1 - RESERVE)) / (usual * images)
  request.note?.(`timing training on this machine, to choose a network for ${minutes} minutes (--minutes)`)
  let network = networkFor(seconds)
  let pace = await paceOf(network)
  /** Seconds for epochs: without what planning has taken, and opening and the test images will take. */
  const left = () => all * (1 - MARGIN) - (performance.now() - began) / 1000 - pace.opening - pace.closing
  const ratio = Math.max(0, left()) / (usual * pace.epoch)
  if (Math.abs(ratio - 1) > TOLERANCE) {
    const other = networkFor(seconds * ratio)
    if (!same(other, network)) {
      network = other
      pace = await paceOf(network)
    }
  }
  const time = left()
  const epochs = request.epochs ?? clamp(Math.floor(time / pace.epoch), 1, MOST_EPOCHS * usual)
  const { width, depth, resolution } = network
  const takes = epochs * pace.epoch
  const limits: string[] = []
  if (takes > time + MARGIN * all)
    limits.push(`planning and training take longer than the ${minutes} minutes (--minutes)`)
  if (epochs < usual / 2) limits.push(`so many images usually take ${usual} epochs`)
  return {
    config: configOf(network, epochs),
    reasons: [
      `no weights of ${name} are here, so training begins from nothing; recipe: scratch. mbconv pull fetches weights, with which fewer images and epochs suffice`,
      `batch ${batchSize}: ${counted(Math.max(1, Math.floor(images / batchSize)), 'update')} an epoch`,
      `network: ${name} with width ${width}, depth ${depth}, ${resolution} px, for ${minutes} minutes (--minutes)`,
      `epochs ${epochs}${request.epochs === undefined ? '' : ', as asked'}: ${whole(epochs * images)} images are seen. An epoch takes ${duration(pace.epoch)} here with loading and evaluation, all of them ${duration(takes)}${pace.closing > 0 ? `, and the evaluation of the test images at the end ${duration(pace.closing)}` : ''}`,
      ...(limits.length > 0 ? [`${limits.join(', and ')}: ${remedyFor(pace, request)}`] : []),
    ],
  }
}

/** What makes a training faster, or else what gives it more time. */
function remedyFor({ epoch, waiting }: Pace, { epochs }: PhotographsRequest): string {
  if (waiting > epoch / 2) {
    return `an epoch waits ${duration(waiting)} for images to be read. mbconv data cache decodes and resizes them once, and mbconv train takes the folder that it writes`
  }
  return epochs === undefined ? 'raise --minutes' : 'raise --minutes, or lower --epochs'
}

/** The factors on an architecture, and its input's side in px. */
interface Network {
  width: number
  depth: number
  resolution: number
}

const same = (a: Network, b: Network): boolean =>
  a.width === b.width && a.depth === b.depth && a.resolution === b.resolution

interface Wanted {
  /** For one image in a training step, without loading. */
  seconds: number
  batchSize: number
  classes: number
}

/**
 * The scaled network whose training step takes the wanted time. Time is only roughly proportional to multiply-adds, so
 * the first answer is measured and corrected once.
 */
function fitted(base: Arch, { seconds, batchSize, classes }: Wanted): Network {
  const device = resolveDevice('auto')
  const timeOf = (table: Arch) =>
    measureLatency(table, { training: true, batch: batchSize, runs: 3, warmup: 1, numClasses: classes, device })
      .median / batchSize
  const macsOf = (table: Arch) => count(table, { numClasses: classes }).macs
  let [table, image] = [base, timeOf(base)]
  let config = { width: LEAST.width, depth: LEAST.depth, resolution: LEAST.resolution }
  for (let attempt = 0; attempt < 2 && image < 0.9 * seconds; attempt++) {
    const macs = macsOf(table) * (seconds / image)
    const result = fit({ base, budget: { macs }, tolerance: 0.1, resolutionStep: 16, numClasses: classes })
    const chosen = result.reached ? result : result.nearest
    const time = timeOf(chosen.arch)
    if (time > 1.2 * seconds && attempt > 0) break
    table = chosen.arch
    image = time
    const { width, depth, resolution } = chosen.config as NonNullable<typeof chosen.config>
    config = { width, depth, resolution }
  }
  return config
}

const clamp = (value: number, least: number, most: number): number => Math.min(most, Math.max(least, value))
const round = (value: number): number => Number(value.toPrecision(2))
