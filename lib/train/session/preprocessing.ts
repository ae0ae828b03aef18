/** How a run's evaluation, and whoever uses its weights, turns an image file into the network's input. */
import { publishedWeightsOf } from '../../config/named-weights'
import type { TrainConfig } from '../../config/train'
import { channelsOf } from '../../data/dataset/image-dataset'
import { cuts, type FileLayout, type Fit, fillOf, type Preprocessing } from '../../data/images/preprocessing'
import { datasetKind } from '../../data/sources/kinds'
import { statOf } from '../../files/folders'
import { cardOfWeights } from '../../models/export/card-of-weights'
import type { TrainState } from '../run/checkpoint-state'

type Facts = Pick<TrainState, 'dataset' | 'normalization' | 'resolution'>

/**
 * A new run's configuration, in which image files are evaluated as the card of its initial weights says, where it does
 * not say it itself. Published weights have no such file; their preprocessing is known by their name.
 *
 * @throws MbconvError ERR_FORMAT for a card that is damaged or newer
 */
export function withFitOfWeights(config: TrainConfig): TrainConfig {
  const { data, model } = config
  const { weights } = model
  if (weights === null || publishedWeightsOf(weights) !== undefined || statOf(weights) === undefined) return config
  if (!datasetKind(data.dataset).hasFiles) return config
  const card = cardOfWeights(weights, 'train')?.preprocessing
  // Images of one size were stretched because of their size, which says nothing about photographs.
  if (card === undefined || card.size !== null) return config
  const fit = data.fit ?? card.fit
  const cropShare = cuts(fit) ? (data.cropShare ?? card.cropShare) : data.cropShare
  const interpolation = data.interpolation ?? card.interpolation
  // Nothing is cropped then; the crop is that of a recipe.
  const augment = fit === 'pad' ? { ...data.augment, crop: null } : data.augment
  return { ...config, data: { ...data, fit, cropShare, interpolation, augment } }
}

/** How image files are fitted into the input: as configured, else as in the published weights, else as in the paper. */
export const fitOf = ({ data, model }: Pick<TrainConfig, 'data' | 'model'>): Fit =>
  data.fit ?? publishedWeightsOf(model.weights)?.preprocessing.fit ?? 'crop'

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
    cropShare: cuts(fit) ? (data.cropShare ?? published?.cropShare ?? 0.875) : null,
    fill: fit === 'pad' ? fillOf(normalization.mean) : null,
    interpolation: data.interpolation ?? published?.interpolation ?? 'bicubic',
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
