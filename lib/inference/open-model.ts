/** Opens a network with its card, from a run, a checkpoint or a file of weights. */
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { resolveDevice } from '../cuda/choice'
import { MbconvError } from '../errors/error'
import { kindOfFile } from '../files/file-kind'
import { isFolder, listFolder, statOf } from '../files/folders'
import type { ModelCard } from '../models/export/card'
import { cardBeside, cardOfWeights } from '../models/export/card-of-weights'
import { create } from '../models/network/create'
import type { Network } from '../models/network/network'
import { loadWeights } from '../models/weights/load'
import { pretrained } from '../models/weights/pretrained'
import { isPublishedName } from '../models/weights/published'
import { STATE_FILE } from '../train/run/checkpoint-state'
import { cardOfTrained } from './run-card'
import { openTrained } from './trained'

export interface OpenModel {
  /** In evaluation mode. The caller disposes it. */
  network: Network
  card: ModelCard
  device: string
  /** The path that was opened: a checkpoint's folder or a file of weights. */
  path: string
}

/** The files of a folder that are considered. A file that is named directly may have any name. */
const WEIGHTS = /\.safetensors$/i

/**
 * Opens a model for inference.
 *
 * @param source a run's folder (the checkpoint of its best evaluation) or a checkpoint's; a safetensors file with a model card in
 *   its metadata or beside it (`NAME.card.json`), or a folder that has one such file; the name of a checkpoint that
 *   `mbconv pull` has downloaded
 * @param device as in a configuration
 * @throws MbconvError ERR_CHECKPOINT, ERR_FORMAT, ERR_IO … for a missing or incomplete model; ERR_CUDA_UNAVAILABLE
 */
export function openModel(source: string, device = 'auto'): OpenModel {
  const file = weightsOf(source)
  if (file !== undefined) return openWeights(file, resolveDevice(device))
  if (typeof source === 'string' && !existsSync(source) && isPublishedName(source)) {
    const where = resolveDevice(device)
    const { network, card, path } = pretrained(source, { device: where })
    return { network: inPlace(network), card, device: where, path }
  }
  const trained = openTrained(source, device)
  return { network: trained.model, card: cardOfTrained(trained), device: trained.device, path: trained.checkpoint }
}

/** Whether {@link openModel} accepts a folder, judged by the names in it. */
export function isModelFolder(path: string): boolean {
  if (!isFolder(path)) return false
  return existsSync(join(path, STATE_FILE)) || existsSync(join(path, 'checkpoints')) || weightsOf(path) !== undefined
}

/** The file of weights that `source` is or contains; undefined for a run and anything else. */
function weightsOf(source: string): string | undefined {
  if (typeof source !== 'string' || source === '') return undefined
  const stat = statOf(source)
  if (stat === undefined) return undefined
  if (!stat.isDirectory()) return source
  if (existsSync(join(source, STATE_FILE)) || existsSync(join(source, 'checkpoints'))) return undefined
  const files = listFolder(source).filter(({ name }) => WEIGHTS.test(name))
  return files.length === 1 ? join(source, files[0].name) : undefined
}

function openWeights(file: string, device: string): OpenModel {
  const { format, is } = kindOfFile(file, 'openModel')
  if (format !== 'safetensors') {
    const message = `${file}: it is ${is}; a model is a safetensors file with a card, or the folder of a run`
    const hint =
      format === 'onnx'
        ? 'loadPredictor and mbconv serve take ONNX files, too; mbconv export RUN --safetensors writes a safetensors file.'
        : 'mbconv export RUN --safetensors writes such a file.'
    throw new MbconvError('ERR_FORMAT', message, { hint })
  }
  const card = cardOf(file)
  const { arch, classes, profile, preprocessing } = card
  const numClasses = classes.length
  const network = create(arch, { numClasses, inChannels: preprocessing.channels, profile, device, init: 'none' })
  try {
    const { reinitialized } = loadWeights(network, file)
    if (reinitialized.length > 0) {
      const message = `${file}: the card tells of ${numClasses} classes, the weights are for another number`
      throw new MbconvError('ERR_FORMAT', message)
    }
    return { network: inPlace(network), card, device, path: resolve(file) }
  } catch (error) {
    network.dispose()
    throw error
  }
}

/** In the memory layout of training, and in evaluation mode. */
const inPlace = (network: Network): Network => network.to({ memoryFormat: 'channelsLast' }).eval()

/**
 * The card of a file of weights or an ONNX file.
 *
 * @throws MbconvError ERR_FORMAT if it has none
 */
export function cardOf(file: string): ModelCard {
  const card = cardOfWeights(file, 'openModel')
  if (card !== undefined) return card
  throw new MbconvError('ERR_FORMAT', `${file}: has no model card, in its metadata or as ${cardBeside(file)}`, {
    hint: 'A card says what classes and preprocessing the weights are for; models.makeCard and writeCard make one.',
  })
}
