/**
 * Compound scaling: pure functions from one architecture table to another.
 *
 * There are two modes: {@link compound} is the paper's formula for any φ; the published B1–B8 and L2 are literals
 * (see `PUBLISHED` in ../families/efficientnet). Rounding makes both differ from the ideal: φ = 1 costs 2.57 times
 * B0, not 2.
 * Source: arXiv:1905.11946, equation 3; rounding as in tensorflow/tpu@7dc921f efficientnet_model.py.
 */

import { checkCount, checkNumber, checkOptions, checkPositive, checkRate } from '../../errors/check'
import { MbconvError } from '../../errors/error'
import { short } from '../../text/figures'
import type { Arch, Stage } from './arch'
import { type CheckedArch, checkArch } from './check'
import { kindOf } from './kinds'
import { checkResolution, type Resolution, resolutionText, sameResolution } from './resolution'

/**
 * Scales a channel count and rounds it to the nearest multiple of `divisor` (halves upwards, at least `divisor`). The
 * result is never below `leastShare` of the exact value: 0.9, or 0 in EfficientNetV2.
 */
export function roundChannels(channels: number, width: number, divisor = 8, leastShare = 0.9): number {
  const op = 'roundChannels'
  checkCount(op, 'channels', channels)
  checkPositive(op, 'width', width)
  checkCount(op, 'divisor', divisor)
  checkRate(op, 'leastShare', leastShare)
  const exact = channels * width
  const nearest = Math.max(divisor, Math.floor((exact + divisor / 2) / divisor) * divisor)
  return nearest < leastShare * exact ? nearest + divisor : nearest
}

/** Scales a stage's number of blocks. Rounds upwards, so that no stage vanishes. */
export function roundRepeats(layers: number, depth: number): number {
  const op = 'roundRepeats'
  checkCount(op, 'layers', layers, { max: 10_000 })
  checkPositive(op, 'depth', depth)
  return Math.ceil(depth * layers)
}

/** The factors of {@link scale}. */
export interface ScaleOptions {
  /** Multiplies stem, stage and head channels. Default 1. */
  width?: number
  /** Multiplies the number of blocks of every stage; stem and head stay single layers. Default 1. */
  depth?: number
  /** Size of the input in pixels, not a factor: a side, or [height, width]. Default: the architecture's own. */
  resolution?: Resolution
  /** Channels become multiples of this. Default: the architecture's own. */
  divisor?: number
  /** Dropout before the classifier. Default: the architecture's own. */
  dropout?: number
  /** Default: the name of the scaled table, followed by its new coefficients. */
  name?: string
}

/** The name of a table without what {@link scale} has appended. */
export function unscaledName(name: string): string {
  return name.replace(/_w[\d.]+_d[\d.]+_r\d+(x\d+)?(_div\d+)?$/, '')
}

function scaledName(arch: Arch): string {
  const base = unscaledName(arch.name)
  const divisor = arch.divisor === 8 ? '' : `_div${arch.divisor}`
  return `${base}_w${short(arch.width)}_d${short(arch.depth)}_r${resolutionText(arch.resolution)}${divisor}`
}

/**
 * The architecture with its width and depth multiplied and the size of its input set. Strides, kernels, expansion and
 * squeeze ratios stay. The coefficients apply to the given table: scaling B2 starts from B2's rounded channels.
 *
 * @returns a new frozen table; its `width` and `depth` are relative to the baseline.
 * @throws MbconvError ERR_TYPE or ERR_VALUE for an unusable table, coefficient or unknown option.
 */
export function scale(arch: Arch, options: ScaleOptions = {}): CheckedArch {
  const op = 'scale'
  const from = checkArch(op, arch)
  checkOptions(op, options, ['width', 'depth', 'resolution', 'divisor', 'dropout', 'name'])
  const { width = 1, depth = 1, divisor = from.divisor, dropout = from.dropout } = options
  checkPositive(op, 'width', width)
  checkPositive(op, 'depth', depth)
  const resolution = checkResolution(op, 'resolution', options.resolution ?? from.resolution)
  checkCount(op, 'divisor', divisor)
  checkRate(op, 'dropout', dropout)
  const wide = (channels: number) => roundChannels(channels, width, divisor, from.leastShare)
  const last = from.stages.length - 1
  const scaled: Arch = {
    ...from,
    stem: from.fixedEnds ? from.stem : wide(from.stem),
    stages: from.stages.map((stage, i) => ({
      ...widened(stage, wide),
      layers: from.fixedEnds && (i === 0 || i === last) ? stage.layers : roundRepeats(stage.layers, depth),
    })),
    head: from.head === 0 || from.fixedEnds || (from.wideHead && width < 1) ? from.head : wide(from.head),
    width: from.width * width,
    depth: from.depth * depth,
    resolution,
    dropout,
    divisor,
  }
  const same = width === 1 && depth === 1 && sameResolution(resolution, from.resolution) && divisor === from.divisor
  return checkArch(op, { ...scaled, name: options.name ?? (same ? from.name : scaledName(scaled)) })
}

/** A stage with its widths scaled. */
function widened(stage: Stage, wide: (channels: number) => number): Stage {
  const { channelsPerPlane } = kindOf(stage)
  const channels = channelsPerPlane * wide(stage.channels / channelsPerPlane)
  return stage.expanded === undefined ? { ...stage, channels } : { ...stage, channels, expanded: wide(stage.expanded) }
}

/** The paper's bases, from its grid search on B0. */
export const PAPER_BASES = Object.freeze({ alpha: 1.2, beta: 1.1, gamma: 1.15 })

/** The exponent of {@link compound}, and the bases. */
export interface CompoundOptions {
  /** The compound coefficient: resources grow about 2^φ times. Any finite number; 0 is the base itself. */
  phi: number
  /** Depth base. Default 1.2, the paper's. */
  alpha?: number
  /** Width base. Default 1.1. */
  beta?: number
  /** Resolution base. Default 1.15. */
  gamma?: number
  /** Input side in pixels at φ = 0. Default 224. */
  resolution?: number
}

/** The coefficients that {@link scale} takes. */
export interface Coefficients {
  /** Factor on the layers of each stage. */
  depth: number
  /** Factor on the channels. */
  width: number
  /** In pixels, rounded to the nearest. */
  resolution: number
}

/**
 * The paper's compound coefficients: depth α^φ, width β^φ, resolution γ^φ. Accepts any φ and any bases, so that the
 * result of another grid search can be scaled up. α·β²·γ² ≈ 2 is the paper's choice and is not enforced.
 *
 * @example scale(arch('efficientnet_b0'), compound({ phi: 2 }))
 * @throws MbconvError ERR_TYPE or ERR_VALUE.
 */
export function compound(options: CompoundOptions): Coefficients {
  const op = 'compound'
  checkOptions(op, options, ['phi', 'alpha', 'beta', 'gamma', 'resolution'])
  const { phi, resolution = 224 } = options
  const { alpha = PAPER_BASES.alpha, beta = PAPER_BASES.beta, gamma = PAPER_BASES.gamma } = options
  checkNumber(op, 'phi', phi)
  checkPositive(op, 'alpha', alpha)
  checkPositive(op, 'beta', beta)
  checkPositive(op, 'gamma', gamma)
  checkCount(op, 'resolution', resolution)
  const result = { depth: alpha ** phi, width: beta ** phi, resolution: Math.round(resolution * gamma ** phi) }
  for (const [name, value] of Object.entries(result)) {
    if (!Number.isFinite(value) || value <= 0) {
      throw new MbconvError('ERR_VALUE', `compound: phi ${phi} makes ${name} ${value}`, { op })
    }
  }
  return result
}
