/**
 * Numeric profiles: the assumptions that a set of weights makes but does not record.
 *
 * The same table and weights give different outputs under another padding or batch norm epsilon. So a model names its
 * profile, and nothing is guessed from a file. Sources: torchvision 0.28 and timm 1.0.29 model definitions;
 * tensorflow/tpu@7dc921f models/official/efficientnet.
 */

import { checkNumber, checkOptions, checkPositive, shown } from '../../errors/check'
import { MbconvError } from '../../errors/error'

export interface Profile {
  /** `torchvision`, `timm`, `tf`, `paper`, or a name of yours. */
  readonly name: string
  /**
   * `symmetric` pads (k−1)/2 on every side. `same` is TensorFlow's rule: at stride 2 on an even side, it puts the odd
   * pixel of padding after the image. Shapes and counts agree, values do not.
   */
  readonly padding: 'symmetric' | 'same'
  /** Added to the variance before batch norm's square root. */
  readonly bnEps: number
  /** Weight of the new batch in batch norm's running statistics, in PyTorch's sense: TensorFlow's 0.99 is 0.01 here. */
  readonly bnMomentum: number
  /** Input normalisation per channel, for pixels in 0…1. */
  readonly mean: readonly [number, number, number]
  /** The usual standard deviation of the input, for each of three channels, of pixels from 0 to 1. */
  readonly std: readonly [number, number, number]
}

/** The numeric profiles that have a name. */
export type ProfileName = 'torchvision' | 'timm' | 'tf' | 'paper'

/** The names of all numeric profiles. */
export const PROFILE_NAMES: readonly ProfileName[] = Object.freeze(['torchvision', 'timm', 'tf', 'paper'])

const IMAGENET = {
  mean: Object.freeze([0.485, 0.456, 0.406] as const),
  std: Object.freeze([0.229, 0.224, 0.225] as const),
}

const TORCHVISION = Object.freeze({
  ...{ name: 'torchvision', padding: 'symmetric', bnEps: 1e-5, bnMomentum: 0.1 },
  ...IMAGENET,
} as const)

/**
 * torchvision's batch norm constants where they differ from PyTorch's defaults, by the beginning of the name: [epsilon,
 * momentum]. Its B5–B7 carry weights ported from TensorFlow, with TensorFlow's constants. B8 and L2, which torchvision
 * does not have, exist only as such weights.
 */
const TORCHVISION_NORMS: readonly (readonly [prefix: string, bnEps: number, bnMomentum: number])[] = [
  ...['b5', 'b6', 'b7', 'b8', 'l2'].map((size) => [`efficientnet_${size}`, 1e-3, 0.01] as const),
  ['efficientnetv2', 1e-3, 0.1],
  ['mobilenet_v3', 1e-3, 0.01],
  ['mnasnet', 1e-5, 3e-4],
]

const PROFILES: Readonly<Record<ProfileName, Profile>> = Object.freeze({
  torchvision: TORCHVISION,
  timm: Object.freeze({ ...TORCHVISION, name: 'timm' }),
  // timm's tf_* models: TensorFlow's padding and epsilon, PyTorch's momentum.
  tf: Object.freeze({ ...TORCHVISION, name: 'tf', padding: 'same', bnEps: 1e-3, bnMomentum: 0.1 }),
  paper: Object.freeze({ ...TORCHVISION, name: 'paper', padding: 'same', bnEps: 1e-3, bnMomentum: 0.01 }),
})

/**
 * The profile of that name for an architecture. Only torchvision's depends on the architecture: its B5–B7, V2,
 * MobileNetV3 and MnasNet (and what is scaled from them) have their own batch norm constants.
 *
 * @param archName `Arch.name`.
 * @throws MbconvError ERR_VALUE listing the names.
 */
export function profileNamed(name: ProfileName, archName: string): Profile {
  const op = 'profile'
  if (typeof name !== 'string' || !Object.hasOwn(PROFILES, name)) {
    throw new MbconvError('ERR_VALUE', `profile: no numeric profile is called ${shown(name)}`, {
      op,
      hint: `Known profiles: ${PROFILE_NAMES.join(', ')}.`,
    })
  }
  if (typeof archName !== 'string') throw new MbconvError('ERR_TYPE', `${op}: archName must be a string`, { op })
  const norm = TORCHVISION_NORMS.find(([prefix]) => new RegExp(`^${prefix}(_|$)`).test(archName))
  if (name !== 'torchvision' || norm === undefined) return PROFILES[name]
  const [, bnEps, bnMomentum] = norm
  return Object.freeze({ ...TORCHVISION, bnEps, bnMomentum })
}

/** Checks a profile given as data, for weights that follow none of the named profiles. */
export function checkProfile(op: string, profile: Profile): Profile {
  checkOptions(op, profile, ['name', 'padding', 'bnEps', 'bnMomentum', 'mean', 'std'])
  if (typeof profile.name !== 'string') {
    throw new MbconvError('ERR_TYPE', `${op}: profile.name must be a string`, { op })
  }
  if (profile.padding !== 'symmetric' && profile.padding !== 'same') {
    throw new MbconvError('ERR_VALUE', `${op}: profile.padding must be 'symmetric' or 'same'`, { op })
  }
  checkPositive(op, 'profile.bnEps', profile.bnEps)
  checkNumber(op, 'profile.bnMomentum', profile.bnMomentum)
  if (profile.bnMomentum < 0 || profile.bnMomentum > 1) {
    throw new MbconvError('ERR_VALUE', `${op}: profile.bnMomentum must be from 0 to 1`, { op })
  }
  for (const key of ['mean', 'std'] as const) {
    const values: unknown = profile[key]
    if (!Array.isArray(values)) {
      throw new MbconvError('ERR_TYPE', `${op}: profile.${key} must be a list of numbers, one a channel`, { op })
    }
    for (const [i, value] of values.entries()) {
      if (key === 'mean') checkNumber(op, `profile.mean[${i}]`, value)
      else checkPositive(op, `profile.std[${i}]`, value)
    }
  }
  return profile
}
