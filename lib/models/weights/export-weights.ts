/** Writes a network's weights as a file of their own, with the model card beside it. */
import { type ModelCard, writeCard } from '../export/card'
import { cardBeside } from '../export/card-of-weights'
import type { Network } from '../network/network'
import { type SaveOptions, type SaveReport, saveWeights } from './save'

export interface ExportedWeights extends Omit<SaveReport, 'path'> {
  weights: string
  card: string
}

/**
 * Writes the weights, as {@link saveWeights}, and `NAME.card.json`. Each file is written atomically.
 *
 * @param out ends in `.safetensors` or `.pth`
 * @throws MbconvError as {@link saveWeights}
 */
export function exportWeights(
  network: Network,
  card: ModelCard,
  out: string,
  options: Pick<SaveOptions, 'scheme' | 'profile'>,
): ExportedWeights {
  const { path: weights, ...report } = saveWeights(network, out, { ...options, card })
  const beside = cardBeside(weights)
  writeCard(beside, card)
  return { weights, card: beside, ...report }
}
