/** How a run's evaluation, and whoever uses its weights, turns an image file into the network's input. */
import { publishedWeightsOf } from '../../config/named-weights'
import type { TrainConfig } from '../../config/train'
import type { FileLayout, Preprocessing } from '../../data/images/preprocessing'
import { channelsOf } from '../../data/sources/image-dataset'
import type { TrainState } from '../run/checkpoint-state'

type Facts = Pick<TrainState, 'dataset' | 'normalization' | 'resolution'>

/**
 * Data sets of images of one size are stretched, as the loader does. Image files are cut as the configuration says;
 * what it leaves open is as in the published weights that training began with, or else as in the paper.
 */
export function layoutOf({ data, model }: TrainConfig, facts: Omit<Facts, 'normalization'>): FileLayout {
  const { dataset, resolution } = facts
  const channels = channelsOf(dataset)
  if (dataset.shape !== null) {
    const [, height, width] = dataset.shape
    const stretch = { fit: 'stretch', cropShare: null, interpolation: 'bilinear', colorManagement: false } as const
    return { channels, resolution, size: [height, width], ...stretch }
  }
  const published = publishedWeightsOf(model.weights)?.preprocessing
  const fit = data.fit ?? published?.fit ?? 'crop'
  return {
    ...{ channels, size: null, resolution, fit },
    cropShare: fit === 'stretch' ? null : (data.cropShare ?? published?.cropShare ?? 0.875),
    interpolation: data.interpolation ?? published?.interpolation ?? 'bicubic',
    colorManagement: data.colorManagement,
  }
}

/** {@link layoutOf} with the run's normalisation. */
export const preprocessingOf = (config: TrainConfig, facts: Facts): Preprocessing => ({
  ...layoutOf(config, facts),
  ...facts.normalization,
})
