/** The model card that belongs to a file of weights. */
import { join, parse } from 'node:path'
import { kindOfFile } from '../../files/file-kind'
import { statOf } from '../../files/folders'
import { readOnnxMetadata } from '../../io/onnx-metadata'
import { readPthMetadata } from '../../io/pth'
import { readMetadata } from '../../io/safetensors'
import { type ModelCard, parseCard, readCard } from './card'
import { CARD_KEY } from './metadata'

/** Where the card of a file lies, if it is not in its metadata. */
export function cardBeside(file: string): string {
  const { dir, name } = parse(file)
  return join(dir, `${name}.card.json`)
}

/**
 * The card in the metadata of a file of weights, or else in the file beside it.
 *
 * @param op how errors name the caller
 * @returns undefined if there is none
 * @throws MbconvError ERR_IO; ERR_FORMAT for a card that is damaged or newer
 */
export function cardOfWeights(file: string, op: string): ModelCard | undefined {
  const text = metadataOf(file, op)[CARD_KEY]
  if (text !== undefined) return parseCard(text, file)
  const beside = cardBeside(file)
  return statOf(beside) === undefined ? undefined : readCard(beside)
}

function metadataOf(file: string, op: string): Readonly<Record<string, string>> {
  const { format } = kindOfFile(file, op)
  if (format === 'safetensors') return readMetadata(file).metadata
  if (format === 'zip') return readPthMetadata(file)
  return format === 'onnx' ? readOnnxMetadata(file) : {}
}
