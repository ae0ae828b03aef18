/** How a run's evaluation, and whoever uses its weights, turns an image file into the network's input. */
import { isDeepStrictEqual } from 'node:util'
import { crossCheck } from '../../config/cross-checks'
import { publishedWeightsOf } from '../../config/named-weights'
import { problemTexts } from '../../config/problems'
import { recipeNamed } from '../../config/recipes'
import type { TrainConfig } from '../../config/train'
import { channelsOf } from '../../data/dataset/image-dataset'
import { CROP_KEYS, cuts, type FileLayout, type Fit, fillOf, type Preprocessing } from '../../data/images/preprocessing'
import { datasetKind } from '../../data/sources/kinds'
import { MbconvError } from '../../errors/error'
import { statOf } from '../../files/folders'
import { cardOfWeights } from '../../models/export/card-of-weights'
import { isMapping } from '../../schema/values'
import type { TrainState } from '../run/checkpoint-state'

type Facts = Pick<TrainState, 'dataset' | 'normalization' | 'resolution'>

/** How images of a model card are prepared, as far as a configuration can take it over. */
type CardFit = Pick<FileLayout, 'fit' | 'cropShare' | 'interpolation'>

/**
 * What the card of a run's initial weights says about image files. Published weights have no such file; their
 * preprocessing is known by their name.
 *
 * @throws MbconvError ERR_FORMAT for a card that is damaged or newer
 */
function cardFitOf({ data, model: { weights } }: TrainConfig): CardFit | undefined {
  if (weights === null || publishedWeightsOf(weights) !== undefined || statOf(weights) === undefined) return undefined
  if (!datasetKind(data.dataset).hasFiles) return undefined
  const card = cardOfWeights(weights, 'train')?.preprocessing
  // Images of one size were stretched because of their size, which says nothing about photographs.
  return card?.size === null ? card : undefined
}

/** How image files are evaluated unless the configuration or the weights say it: as in the paper. */
const DEFAULTS = { fit: 'crop', cropShare: 0.875, interpolation: 'bicubic' } as const

/**
 * A sentence about what a new run takes from the card of its weights, where that is not the default.
 *
 * @param given the caller's configuration
 * @param fitted the same after {@link withFitOfWeights}
 */
export function cardNote(given: TrainConfig, fitted: TrainConfig): string | undefined {
  const keys = (['fit', 'cropShare', 'interpolation'] as const).filter((key) => {
    const value = fitted.data[key]
    return value !== null && value !== given.data[key] && value !== DEFAULTS[key]
  })
  if (keys.length === 0) return undefined
  const values = keys.map((key) => `${key}: ${fitted.data[key]}`)
  return `${values.join(', ')}, as in the card of ${given.model.weights}`
}

/** The value at a path of keys. */
const valueAt = (from: unknown, keys: readonly string[]): unknown =>
  keys.reduce<unknown>((value, key) => (isMapping(value) ? value[key] : undefined), from)

/** A copy with null at a path of keys. */
const withNull = <T extends object>(from: T, [key, ...inner]: readonly string[]): T => ({
  ...from,
  [key]: inner.length === 0 ? null : withNull(from[key as keyof T] as object, inner),
})

/** The `data` of a configuration without those crops that are its recipe's and that `drops` names. */
function withoutRecipeCrops({ data, recipe }: TrainConfig, drops: (keys: readonly string[]) => boolean) {
  const { data: base } = recipeNamed(recipe)
  const dropped = CROP_KEYS.filter((keys) => drops(keys) && isDeepStrictEqual(valueAt(data, keys), valueAt(base, keys)))
  return dropped.reduce(withNull<TrainConfig['data']>, data)
}

/**
 * A new run's configuration, in which image files are evaluated as the card of its initial weights says, where it does
 * not say it itself.
 *
 * @throws MbconvError ERR_FORMAT for a card that is damaged or newer, ERR_CONFIG for keys that cannot act with its `fit`
 */
export function withFitOfWeights(config: TrainConfig): TrainConfig {
  const card = cardFitOf(config)
  if (card === undefined) return config
  const fit = config.data.fit ?? card.fit
  const data = cuts(fit) ? config.data : withoutRecipeCrops(config, () => true)
  const cropShare = data.cropShare ?? (fit === card.fit ? card.cropShare : null)
  const fitted = {
    ...config,
    data: { ...data, fit, cropShare, interpolation: data.interpolation ?? card.interpolation },
  }
  const problems = crossCheck(fitted)
  if (problems.length === 0) return fitted
  throw new MbconvError('ERR_CONFIG', problemTexts(problems).join('\n'), {
    hint: `fit: ${fit} is that of the card of ${config.model.weights}. Leave the key out, or set data.fit.`,
  })
}

/**
 * The caller's configuration with what the run took from the card of its weights, where the caller leaves that open. A
 * card that says something else now has no part in it; one that is gone is believed.
 *
 * @param stored the run's own configuration
 */
export function withStoredFit(asked: TrainConfig, stored: TrainConfig): TrainConfig {
  const { weights } = stored.model
  if (weights === null || publishedWeightsOf(weights) !== undefined) return asked
  if (!datasetKind(stored.data.dataset).hasFiles) return asked
  const card = cardFitOf(stored)
  const isGone = statOf(weights) === undefined
  const taken = <K extends keyof CardFit>(key: K) =>
    asked.data[key] ?? (isGone || card?.[key] === stored.data[key] ? stored.data[key] : null)
  const fit = taken('fit')
  const interpolation = taken('interpolation')
  if (fit === null || cuts(fit))
    return { ...asked, data: { ...asked.data, fit, cropShare: taken('cropShare'), interpolation } }
  const data = withoutRecipeCrops(asked, (keys) => valueAt(stored.data, keys) === null)
  return { ...asked, data: { ...data, fit, interpolation } }
}

/** How image files are fitted into the input: as configured, else as in the published weights, else as in the paper. */
export const fitOf = ({ data, model }: Pick<TrainConfig, 'data' | 'model'>): Fit =>
  data.fit ?? publishedWeightsOf(model.weights)?.preprocessing.fit ?? DEFAULTS.fit

/**
 * Data sets of images of one size are stretched, as the loader does. Image files are cut as the configuration says;
 * what it leaves open is as in the published weights that training began with, or else as in the paper.
 */
export function preprocessingOf(config: TrainConfig, { dataset, normalization, resolution }: Facts): Preprocessing {
  const channels = channelsOf(dataset)
  if (dataset.shape !== null) {
    const [, height, width] = dataset.shape
    const stretch = { fit: 'stretch', cropShare: null, fill: null } as const
    const rest = { interpolation: 'bilinear', colorManagement: false } as const
    return { channels, resolution, size: [height, width], ...stretch, ...rest, ...normalization }
  }
  const { data, model } = config
  const published = publishedWeightsOf(model.weights)?.preprocessing
  const fit = fitOf(config)
  return {
    ...{ channels, size: null, resolution, fit },
    cropShare: cuts(fit) ? (data.cropShare ?? published?.cropShare ?? DEFAULTS.cropShare) : null,
    fill: fit === 'pad' ? fillOf(normalization.mean) : null,
    interpolation: data.interpolation ?? published?.interpolation ?? DEFAULTS.interpolation,
    colorManagement: data.colorManagement,
    ...normalization,
  }
}

/** The layout in which the mean and deviation of image files are measured: without padding, which is no image. */
export function measuredLayoutOf(config: TrainConfig, facts: Omit<Facts, 'normalization'>): FileLayout {
  const nothing = { mean: [0], std: [1] }
  const layout = preprocessingOf(config, { ...facts, normalization: nothing })
  return layout.fit === 'pad' ? { ...layout, fit: 'stretch', fill: null } : layout
}
