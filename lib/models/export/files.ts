/** Writes a network and its companion files: ONNX file, model card and, on request, the weights as safetensors. */
import { MbconvError } from '../../errors/error'
import { write as writeSafetensors } from '../../io/safetensors'
import type { Network } from '../network/network'
import { type ModelCard, writeCard } from './card'
import { type ExportOptions, type ExportReport, exportOnnx } from './export'
import { CARD_KEY } from './metadata'

/** How an ONNX file and its model card are written. */
export interface ExportFilesOptions extends Omit<ExportOptions, 'card' | 'resolution'> {
  /** Also write the weights as safetensors, with the state dict's keys and the card in the metadata. Default false. */
  safetensors?: boolean
}

/** The files that were written, and what the ONNX file has. */
export interface ExportedFiles extends Omit<ExportReport, 'path'> {
  /** The ONNX file. */
  onnx: string
  /** The model card, a JSON file. */
  card: string
  /** Null if not requested. */
  safetensors: string | null
}

/**
 * Writes `NAME.onnx`, `NAME.card.json` and, on request, `NAME.safetensors`. Each file is written atomically.
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
