/** Exports a trained model for other runtimes. */
import { checkOptions } from '../errors/check'
import type { ModelCard } from '../models/export/card'
import { type ExportedFiles, type ExportFilesOptions, exportFiles } from '../models/export/files'
import type { Network } from '../models/network/network'
import { cardOfTrained } from './run-card'
import { openTrained } from './trained'

/** What is written for a trained model, and where. */
export interface ExportRunOptions extends ExportFilesOptions {
  /** The ONNX file. The other files have the same name with other endings. Default `model.onnx`. */
  out?: string
}

/**
 * Writes an ONNX file with the weights that evaluation uses, and the model card beside it.
 *
 * @param runOrCheckpoint a run's folder (the checkpoint of its best evaluation is used) or a checkpoint's
 * @throws MbconvError ERR_CHECKPOINT when there is no whole checkpoint; as `models.exportOnnx`
 */
export function exportRun(runOrCheckpoint: string, options: ExportRunOptions = {}): ExportedFiles {
  const op = 'exportRun'
  checkOptions(op, options, ['out', 'opset', 'fold', 'pixels', 'safetensors'])
  const { out = 'model.onnx', ...rest } = options
  return withTrained(runOrCheckpoint, (network, card) => exportFiles(op, network, card, out, rest))
}

/**
 * Runs `use` with the weights that evaluation uses, and their card.
 *
 * @internal
 */
export function withTrained<T>(runOrCheckpoint: string, use: (network: Network, card: ModelCard) => T): T {
  const trained = openTrained(runOrCheckpoint, 'cpu')
  try {
    return use(trained.model, cardOfTrained(trained))
  } finally {
    trained.model.dispose()
  }
}
