/** A network with the weights of a checkpoint, under the checkpoint's numeric profile. */
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
import { archOf, type Checkpoint, checkpointNamed, profileOf, weightsFolder } from './published'

export interface PretrainedOptions extends Omit<CreateOptions, 'profile' | 'init' | 'inChannels'> {
  /** The file of weights. Default: the checkpoint's in the folder of weights, where `mbconv pull` puts it. */
  path?: string
  /** Which weights of a file that has several, as in {@link loadWeights}. */
  entry?: string
}

export interface Pretrained {
  /** In training mode, as `create` leaves it. Its `profile` is the checkpoint's. */
  network: Network
  checkpoint: Checkpoint
  /** What was loaded, and what was re-initialised for another number of classes. */
  report: LoadReport
  /** Profile, preprocessing and where the weights came from, to be written beside what is made of them. */
  card: ModelCard
  path: string
}

/** Endings of a file that someone put there by hand, after the checkpoint's name. */
const ENDINGS = ['.safetensors', '.pth', '.pt', '.bin', '.ckpt', '.pth.tar', '']

/**
 * Builds the network of a checkpoint and loads its weights from the folder of weights ($MBCONV_CACHE/weights, else
 * ~/.cache/mbconv/weights). Nothing is fetched: `mbconv pull NAME` or {@link pull} does that. The numeric profile and the
 * normalisation follow from the checkpoint. Another number of classes re-initialises the classifier.
 *
 * @param name a checkpoint's, of `checkpoints()`
 * @throws MbconvError ERR_TYPE, ERR_VALUE for a name or an option; ERR_IO where the file is missing, with where it belongs;
 *   ERR_FORMAT, ERR_DATA, ERR_SHAPE for one that is not this checkpoint's
 */
export function pretrained(name: string, options: PretrainedOptions = {}): Pretrained {
  const op = 'pretrained'
  const checkpoint = checkpointNamed(name)
  checkOptions(op, options, ['path', 'entry', 'numClasses', 'dropPath', 'dropout', 'seed', 'device', 'dtype'])
  const { path: given, entry, numClasses = checkpoint.numClasses, ...rest } = options
  const file = given ?? weightsFile(checkpoint)
  const init = numClasses === checkpoint.numClasses ? 'none' : 'paper'
  const network = create(archOf(checkpoint), { ...rest, numClasses, profile: profileOf(checkpoint), init })
  try {
    const report = loadWeights(network, file, { entry })
    if (init === 'none' && report.reinitialized.length > 0) {
      throw new MbconvError('ERR_SHAPE', `${file} is for other classes than ${name}, which has ${numClasses}`, { op })
    }
    const notes = [`The published weights are under ${checkpoint.license}.`]
    if (report.reinitialized.length > 0) notes.push(`re-initialised: ${report.reinitialized.join(', ')}`)
    const { channels: _, ...preprocessing } = checkpoint.preprocessing
    return {
      network,
      checkpoint,
      report,
      path: file,
      card: makeCard(network, { name, preprocessing, source: checkpoint.url, notes }),
    }
  } catch (error) {
    network.dispose()
    throw error
  }
}

/**
 * The file of a checkpoint in the folder of weights.
 *
 * @throws MbconvError ERR_IO where it is not there, ERR_FORMAT where it has another size than when it was fetched
 */
export function weightsFile({ name, url }: Checkpoint, folder = weightsFolder()): string {
  const op = 'pretrained'
  const file = ENDINGS.map((ending) => path.join(folder, `${name}${ending}`)).find((each) => existsSync(each))
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

/** The size that {@link pull} has written down; a file put there by hand has none. */
function bytesOnRecord(file: string): number | undefined {
  try {
    const { bytes } = JSON.parse(readText(`${file}.json`, { op: 'pretrained' })) as { bytes?: unknown }
    return typeof bytes === 'number' ? bytes : undefined
  } catch {
    return undefined
  }
}
