/** Loads the initial weights that a configuration names. */

import { publishedWeightsOf } from '../../config/named-weights'
import type { TrainConfig } from '../../config/train'
import type { Network } from '../../models/network/network'
import { describeLoad, loadWeights } from '../../models/weights/load'
import { weightsFile } from '../../models/weights/pretrained'

/** Loads the weights that the configuration names, if any. Returns notes for the user. */
export function beginWith(
  network: Network,
  { model: { weights, weightsEntry, weightsProfile } }: TrainConfig,
): string[] {
  if (weights == null) return []
  const published = publishedWeightsOf(weights)
  const file = published === undefined ? weights : weightsFile(published)
  const report = loadWeights(network, file, {
    entry: weightsEntry ?? undefined,
    profile: weightsProfile ?? undefined,
  })
  const notes = describeLoad(weights, report)
  const { reinitialized } = report
  if (reinitialized.length === 0) return notes
  return [...notes, `${weights} has another number of classes: ${reinitialized.join(' and ')} begin anew`]
}
