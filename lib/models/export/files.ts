/** A network and what travels along: ONNX file, model card and, where asked for, the weights as safetensors. */
import { MbconvError } from '../../errors/error'
import { write as writeSafetensors } from '../../io/safetensors'
import type { Network } from '../network/network'
import { type ModelCard, writeCard } from './card'
import { CARD_KEY, type ExportOptions, type ExportReport, exportOnnx } from './export'

export interface ExportFilesOptions extends Omit<ExportOptions, 'card' | 'resolution'> {
  /** Write the weights as safetensors, too, under the keys of the state dict, the card in the metadata. Default false. */
  safetensors?: boolean
}

export interface ExportedFiles extends Omit<ExportReport, 'path'> {
  onnx: string
  card: string
  /** Null where they were not asked for. */
  safetensors: string | null
}

/**
 * Writes `NAME.onnx`, `NAME.card.json` and, if asked for, `NAME.safetensors`, each whole or not at all.
 *
 * @param out the ONNX file; its name ends in `.onnx`
 * @throws MbconvError as {@link exportOnnx}
 */
export function exportFiles(
  op: string,
  network: Network,
  card: ModelCard,
  out: string,
  { safetensors = false, ...options }: ExportFilesOptions,
): ExportedFiles {
  if (typeof out !== 'string' || !/[^/\\]\.onnx$/i.test(out)) {
    throw new MbconvError('ERR_VALUE', `${op}: out must be the name of a file that ends in .onnx`, { op })
  }
  if (typeof safetensors !== 'boolean') {
    throw new MbconvError('ERR_TYPE', `${op}: safetensors must be true or false`, { op })
  }
  const base = out.slice(0, -'.onnx'.length)
  const { path: onnx, ...report } = exportOnnx(network, out, { ...options, card })
  writeCard(`${base}.card.json`, card)
  const weights = safetensors ? `${base}.safetensors` : null
  if (weights !== null) {
    writeSafetensors(weights, network.stateDict(), { [CARD_KEY]: JSON.stringify(card) }, { checksum: true })
  }
  return { onnx, card: `${base}.card.json`, safetensors: weights, ...report }
}
