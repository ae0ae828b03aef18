/**
 * timm's published weights: the network, numeric profile, address and image preprocessing of each file.
 */
import { homedir } from 'node:os'
import path from 'node:path'
import type { Preprocessing } from '../../data/images/preprocessing'
import { shown } from '../../errors/check'
import { MbconvError } from '../../errors/error'
import { withoutCredentials } from '../../files/web'
import { nearest } from '../../text/nearest'
import type { Arch } from '../arch/arch'
import { scale } from '../arch/scaling'
import { arch as archNamed } from '../families/catalogue'
import { type Profile, profileNamed } from '../network/profiles'
import { PUBLISHED_ROWS, type PublishedRow } from './published-table'

/** Weights that timm publishes, with what is needed to use them. */
export interface PublishedWeights {
  /** timm's name: the network, a dot, the kind of training. */
  readonly name: string
  /** The network's name here. */
  readonly arch: string
  /** Determined by the family: `tf` for the `tf_*`, which were ported from TensorFlow, `timm` for the others. */
  readonly profile: 'timm' | 'tf'
  /** Classes of their classifier. */
  readonly numClasses: number
  /** Address of the safetensors file in the hub, without the user name and password that `HF_ENDPOINT` may hold. */
  readonly url: string
  /** Its file name in the weights folder. */
  readonly file: string
  /**
   * The file from before the hub, if there is one. It may be in PyTorch's format from before 1.6, which is refused.
   */
  readonly original: {
    /** The address of the original file. */
    readonly url: string
    /** Its name in the cache. */
    readonly file: string
    /** The SHA-256 of the file, or the beginning of it that its publisher gives. */
    readonly sha256: string
  } | null
  /** For evaluation images. */
  readonly preprocessing: Preprocessing
  /** Side of the training images, px. */
  readonly trainResolution: number
  /** Licence of the weights, as timm names it: apache-2.0, bsd-3-clause, cc-by-nc-4.0. */
  readonly license: string
}

const HUB = 'https://huggingface.co'

const NORMALIZATIONS = {
  imagenet: { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] },
  half: { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] },
  none: { mean: [0, 0, 0], std: [1, 1, 1] },
} as const

/** The address to download a weights file from: its `url`, with the user name and password of `HF_ENDPOINT`, if any. */
export function hubAddress(name: string): string {
  return `${process.env.HF_ENDPOINT?.replace(/\/+$/, '') || HUB}/timm/${name}/resolve/main/model.safetensors`
}

function fromRow(row: PublishedRow): PublishedWeights {
  const [name, arch, profile, numClasses, side, crop, evalSide, evalCrop, fit, ...rest] = row
  const [interpolation, normalization, license, original] = rest
  return Object.freeze({
    name,
    arch,
    profile,
    numClasses,
    url: withoutCredentials(hubAddress(name)),
    file: `${name}.safetensors`,
    original: original === null ? null : { url: original, file: `${name}.pth`, sha256: original.slice(-12, -4) },
    preprocessing: Object.freeze({
      ...{
        channels: 3,
        size: null,
        resolution: evalSide ?? side,
        fit,
        cropShare: evalCrop ?? crop,
        fill: null,
        interpolation,
        colorManagement: false,
      },
      ...NORMALIZATIONS[normalization],
    } as const),
    trainResolution: side,
    license,
  })
}

/**
 * The published weights that {@link pretrained} and `mbconv pull` know, by family. If the environment sets
 * `HF_ENDPOINT`, it is the hub's address, for mirrors. `models.checkpoints` is another name of this function.
 */
export function publishedWeights(): PublishedWeights[] {
  return PUBLISHED_ROWS.map(fromRow)
}

/**
 * The published weights with a given name. `models.checkpointNamed` is another name of this function.
 *
 * @throws MbconvError ERR_TYPE, or ERR_VALUE suggesting the most similar name
 */
export function publishedWeightsNamed(name: string): PublishedWeights {
  const op = 'publishedWeightsNamed'
  if (typeof name !== 'string')
    throw new MbconvError('ERR_TYPE', `${op}: name must be a string, got ${shown(name)}`, { op })
  const row = PUBLISHED_ROWS.find(([each]) => each === name)
  if (row !== undefined) return fromRow(row)
  const names = PUBLISHED_ROWS.map(([each]) => each)
  const family = names.filter((each) => each.split('.')[0] === name)
  const near = nearest(name, names)
  throw new MbconvError('ERR_VALUE', `${op}: no published weights are called ${JSON.stringify(name)}`, {
    op,
    hint:
      family.length > 0
        ? `Of ${name} there are ${family.join(', ')}.`
        : `${near === undefined ? '' : `Did you mean ${near}? `}mbconv pull --list shows what there is.`,
  })
}

/** The published weights whose file has this name: `NAME.safetensors`, `NAME.pth` …, or the original one. */
export function publishedFile(file: string): Pick<PublishedWeights, 'name' | 'arch' | 'profile'> | undefined {
  const row = PUBLISHED_ROWS.find((each) => {
    const [name, original] = [each[0], each.at(-1) as PublishedRow[12]]
    const ending = file.startsWith(name) ? file.slice(name.length) : undefined
    return (ending !== undefined && WEIGHTS_ENDINGS.includes(ending)) || original?.endsWith(`/${file}`) === true
  })
  return row && { name: row[0], arch: row[1], profile: row[2] }
}

export function isPublishedName(name: string): boolean {
  return PUBLISHED_ROWS.some(([each]) => each === name)
}

/** Endings that a file placed by hand may have after the weights' name. */
export const WEIGHTS_ENDINGS = ['.safetensors', '.pth', '.pt', '.bin', '.ckpt', '.pth.tar', '']

/** The architecture that published weights are for. */
export function archOf({ arch }: PublishedWeights): Arch {
  // timm's own smaller V2-S; its channels follow the rounding rule of the first EfficientNets.
  if (arch === 'efficientnetv2_rw_t') {
    const { leastShare: _, ...small } = archNamed('efficientnetv2_s')
    return scale(small, { width: 0.8, depth: 0.9, resolution: 288, name: arch })
  }
  return archNamed(arch)
}

/** The numeric profile of published weights, with the normalisation of their images. */
export function profileOf({ arch, profile, preprocessing }: PublishedWeights): Profile {
  const { mean, std } = preprocessing as unknown as Pick<Profile, 'mean' | 'std'>
  return Object.freeze({ ...profileNamed(profile, arch), mean, std })
}

/** The weights folder: `weights` in $MBCONV_CACHE, else in $XDG_CACHE_HOME/mbconv, else in ~/.cache/mbconv. */
export function weightsFolder(env: NodeJS.ProcessEnv = process.env): string {
  if (env.MBCONV_CACHE) return path.resolve(env.MBCONV_CACHE, 'weights')
  return path.join(path.resolve(env.XDG_CACHE_HOME || path.join(homedir(), '.cache')), 'mbconv', 'weights')
}
