/** Creates a network with published weights, under the numeric profile of their training. */
import { existsSync } from 'node:fs'
import path from 'node:path'
import { checkOptions } from '../../errors/check'
import { MbconvError } from '../../errors/error'
import { statOf } from '../../files/folders'
import { readText } from '../../files/open'
import { type ModelCard, makeCard } from '../export/card'
import { type CreateOptions, create } from '../network/create'
import type { Network } from '../network/network'
import { type LoadReport, loadWeights } from './load'
import {
  archOf,
  type PublishedWeights,
  profileOf,
  publishedWeightsNamed,
  WEIGHTS_ENDINGS,
  weightsFolder,
} from './published'

/** What is changed of published weights' own network. */
export interface PretrainedOptions extends Omit<CreateOptions, 'profile' | 'init'> {
  /** The weights file. Default: the file of that name in the weights folder, where `mbconv pull` puts it. */
  path?: string
  /** Which weights to take from a file with several, as in {@link loadWeights}. */
  entry?: string
}

/** A network with published weights. */
export interface Pretrained {
  /** In training mode, as after `create`. Its `profile` is that of the weights. */
  network: Network
  /** Which published weights these are. */
  checkpoint: PublishedWeights
  /** What was loaded, and what was re-initialised because of another number of classes. */
  report: LoadReport
  /** Profile, preprocessing and origin of the weights. Save it beside anything made from them. */
  card: ModelCard
  /** The file that the weights were read from. */
  path: string
}

/**
 * Builds the network of published weights and loads them from the weights folder ($MBCONV_CACHE/weights, else
 * ~/.cache/mbconv/weights). It downloads nothing: use `mbconv pull NAME` or {@link pull} first. The weights determine
 * the numeric profile and the normalisation. Another number of classes re-initialises the classifier; other channels
 * than three adapt the first convolution, with the mean of the three channels' statistics for each.
 *
 * @param name of published weights, one of `publishedWeights()`
 * @throws MbconvError ERR_TYPE, ERR_VALUE for a name or an option; ERR_IO if the file is missing, with its expected
 *   path; ERR_FORMAT, ERR_DATA, ERR_SHAPE if the file holds other weights
 */
export function pretrained(name: string, options: PretrainedOptions = {}): Pretrained {
  const op = 'pretrained'
  const published = publishedWeightsNamed(name)
  checkOptions(op, options, [
    ...['path', 'entry', 'numClasses', 'inChannels', 'globalPool', 'dropPath', 'dropout', 'seed', 'device', 'dtype'],
  ])
  const { path: given, entry, numClasses = published.numClasses, ...rest } = options
  const file = given ?? weightsFile(published)
  const isWhole = numClasses === published.numClasses && rest.globalPool !== 'catavgmax'
  const init = isWhole ? 'none' : 'library'
  const network = create(archOf(published), { ...rest, numClasses, profile: profileOf(published), init })
  try {
    const report = loadWeights(network, file, { entry })
    if (init === 'none' && report.reinitialized.length > 0) {
      throw new MbconvError('ERR_SHAPE', `${file} is for other classes than ${name}, which has ${numClasses}`, { op })
    }
    const notes = [`The published weights are under ${published.license}.`]
    if (report.reinitialized.length > 0) notes.push(`re-initialised: ${report.reinitialized.join(', ')}`)
    if (report.adapted.length > 0) notes.push(`adapted to ${network.inChannels} channels: ${report.adapted.join(', ')}`)
    const preprocessing = preprocessingFor(published, network.inChannels)
    return {
      network,
      checkpoint: published,
      report,
      path: file,
      card: makeCard(network, { name, preprocessing, source: published.url, notes }),
    }
  } catch (error) {
    network.dispose()
    throw error
  }
}

/** The statistics of other channels than three: the means of the three. */
function preprocessingFor({ preprocessing: { channels, ...rest } }: PublishedWeights, inChannels: number) {
  if (inChannels === channels) return rest
  const spread = (values: readonly number[]) => {
    return Array<number>(inChannels).fill(values.reduce((sum, value) => sum + value, 0) / values.length)
  }
  return { ...rest, mean: spread(rest.mean), std: spread(rest.std) }
}

/**
 * The path of a published weights file in the weights folder.
 *
 * @throws MbconvError ERR_IO if it is missing, ERR_FORMAT if its size has changed since the download
 */
export function weightsFile({ name, url }: PublishedWeights, folder = weightsFolder()): string {
  const op = 'pretrained'
  const file = WEIGHTS_ENDINGS.map((ending) => path.join(folder, `${name}${ending}`)).find((each) => existsSync(each))
  if (file === undefined) {
    throw new MbconvError(
      'ERR_IO',
      `the weights of ${name} are not here: there is no ${path.join(folder, name)}.safetensors`,
      {
        op,
        hint: `mbconv pull ${name} fetches them; or put ${url} there by hand.`,
      },
    )
  }
  const expected = bytesOnRecord(file)
  const { size } = statOf(file) ?? {}
  if (expected !== undefined && size !== expected) {
    throw new MbconvError('ERR_FORMAT', `${file} has ${size} bytes, and had ${expected} when it was fetched`, {
      op,
      hint: `Remove it and fetch it again: mbconv pull ${name}.`,
    })
  }
  return file
}

/** The size that {@link pull} recorded; undefined for a file placed by hand. */
function bytesOnRecord(file: string): number | undefined {
  try {
    const { bytes } = JSON.parse(readText(`${file}.json`, { op: 'pretrained' })) as { bytes?: unknown }
    return typeof bytes === 'number' ? bytes : undefined
  } catch {
    return undefined
  }
}
