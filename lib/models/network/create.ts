/** Creates models by name or from a table. */
import { checkCount, checkOneOf, checkOptions, checkRate } from '../../errors/check'
import type { Device, DType } from '../../native/types'
import type { Init } from '../../nn/layers/common'
import { type Seed, seedBits } from '../../random/seed'
import { seeded } from '../../tensor/core/random'
import type { Arch } from '../arch/arch'
import { checkArch } from '../arch/check'
import type { GlobalPool } from '../arch/choices'
import { defaultDropPath } from '../arch/plan'
import { unscaledName } from '../arch/scaling'
import { arch as archNamed, type ModelName } from '../families/catalogue'
import { impliedProfile } from '../families/library-names'
import { type Backend, checkBackend, defaultBackend } from './backend'
import type { Recomputed } from './features'
import { initLike, libraryInit } from './library-init'
import { Network } from './network'
import { checkProfile, type Profile, type ProfileName, profileNamed } from './profiles'

/** How a network is built from its table. */
export interface CreateOptions {
  /** Default 1000. 0: no linear layer, so that the network gives the features that it would get. */
  numClasses?: number
  /** Channels of the images. Default 3. */
  inChannels?: number
  /**
   * What the last feature map is reduced to: the mean of each channel (`avg`), its maximum (`max`), the mean of both
   * (`avgmax`) or both (`catavgmax`, twice as many features), as timm's `global_pool`. Default: the architecture's,
   * which is `avg` in all published ones.
   */
  globalPool?: GlobalPool
  /**
   * Padding and batch norm constants: a named profile, or a custom one. Default: the profile that the name implies, of
   * the only library that has it (`mobilenet_v2`: torchvision), or `tf` for timm's `tf_*`; `paper` for all others, until
   * `loadWeights` brings weights with a profile of their own.
   */
  profile?: ProfileName | Profile
  /**
   * Stochastic depth while training: block i of n (counted from 0) loses its branch with probability dropPath·i/n.
   * Default 0.2 in EfficientNets; 0 in the other families, which were published without.
   */
  dropPath?: number
  /** Dropout before the classifier while training. Default: the architecture's. */
  dropout?: number
  /**
   * Makes the initial weights reproducible and leaves the thread's random state unchanged. Without a seed the weights
   * are drawn from the thread's random state.
   */
  seed?: Seed
  /** Default `cpu`. */
  device?: Device
  /** A floating-point type. Default `float32`. Weights are drawn in float32 and then converted. */
  dtype?: DType
  /**
   * `library` (default): the first weights are drawn as the library of the profile draws them; under the profile `paper`,
   * and for the networks that timm has from the paper, as `paper` does. `none`: the weights stay uninitialised, for a
   * state dict that will be loaded.
   */
  init?: Exclude<Init, 'torch'> | 'library'
  /**
   * What is computed again in the backward pass in place of keeping its activations: each block or each stage. Takes
   * less memory and more time. On the CPU only. Default none.
   */
  recompute?: Recomputed
  /** What computes the network: see `Network.backend`. Default: MBCONV_BACKEND in the environment, otherwise auto. */
  backend?: Backend
}

/**
 * Builds a network, in training mode. Its tensors belong to no scope; `dispose()` frees them.
 *
 * @param model a name from `list()`, or an architecture table
 * @throws MbconvError ERR_TYPE or ERR_VALUE for an unknown model, profile or option; ERR_NATIVE_LOAD;
 *   ERR_CUDA_UNAVAILABLE
 */
export function create(model: ModelName | Arch, options: CreateOptions = {}): Network {
  const op = 'create'
  const table = typeof model === 'string' ? archNamed(model) : checkArch(op, model)
  checkOptions(op, options, [
    'numClasses',
    'inChannels',
    'globalPool',
    'profile',
    'dropPath',
    'dropout',
    'seed',
    'device',
    'dtype',
    'init',
    'recompute',
    'backend',
  ])
  const { globalPool } = options
  const arch = globalPool === undefined ? table : checkArch(op, { ...table, globalPool })
  const {
    numClasses = 1000,
    inChannels = 3,
    dropout = arch.dropout,
    seed,
    init = 'library',
    recompute = 'none',
  } = options
  const { dropPath = defaultDropPath(arch) } = options
  const { device = 'cpu', dtype = 'float32' } = options
  const { profile = impliedProfile(typeof model === 'string' ? model : unscaledName(arch.name)) } = options
  checkCount(op, 'numClasses', numClasses, { min: 0 })
  checkCount(op, 'inChannels', inChannels)
  checkRate(op, 'dropPath', dropPath)
  checkRate(op, 'dropout', dropout)
  checkOneOf(op, 'init', init, ['library', 'paper', 'none'])
  const { backend = defaultBackend() } = options
  checkBackend(op, backend)
  checkOneOf(op, 'recompute', recompute, ['none', 'blocks', 'stages'])
  if (seed !== undefined) seedBits(op, seed)
  const settings = {
    numClasses,
    inChannels,
    dropPath,
    dropout,
    recompute,
    backend,
    profileIsImplied: options.profile === undefined,
    profile: typeof profile === 'string' ? profileNamed(profile, arch.name) : checkProfile(op, profile),
  }
  const rules = init === 'library' ? libraryInit(arch, settings.profile.name) : undefined
  const build = () => {
    if (rules === undefined) return new Network(arch, { ...settings, init: init === 'none' ? 'none' : 'paper' })
    const network = new Network(arch, { ...settings, init: 'none' })
    initLike(network, rules)
    return network
  }
  const network = seed === undefined ? build() : seeded(seed, build)
  try {
    return network.to({ device, dtype })
  } catch (error) {
    network.dispose()
    throw error
  }
}
