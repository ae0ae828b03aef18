/**
 * The network of an architecture table: stem, stages, head, pooling, classifier. State-dict keys and their order follow
 * torchvision's EfficientNet for every family.
 */
import { checkCount, checkNumber, checkOptions, checkRate, shown } from '../../errors/check'
import { MbconvError } from '../../errors/error'
import { Hardswish } from '../../nn/layers/activations'
import type { Init } from '../../nn/layers/common'
import { Dropout } from '../../nn/layers/dropout'
import { Linear } from '../../nn/layers/linear'
import { Sequential } from '../../nn/modules/containers'
import { Module } from '../../nn/modules/module'
import { scope } from '../../tensor/core/scope'
import { Tensor } from '../../tensor/core/tensor'
import type { CheckedArch } from '../arch/check'
import { activationOf, blocksOf, featureChannels, SQUEEZE } from '../arch/plan'
import { type Backend, checkBackend, defaultBackend } from './backend'
import { Block } from './blocks'
import { type Context, ConvNorm } from './conv-norm'
import { Features, type Recomputed } from './features'
import { foldedInto } from './fold'
import { pooled } from './global-pool'
import { nativeLayers } from './native-block'
import {
  disposePlanned,
  dropPlanned,
  plannedBytes,
  profilePlanned,
  runPlanned,
  type StepTime,
  whyNotPlanned,
} from './planned'
import type { Profile } from './profiles'

/** The settings of a {@link Network}; `create` fills in the defaults. */
export interface NetworkSettings {
  /** Outputs of the classifier. */
  numClasses: number
  /** Channels of the image. */
  inChannels: number
  /** The numeric profile: padding, batch norm's ε and momentum. */
  profile: Profile
  /** Whether nobody asked for the profile, so that weights may bring their own. Default false. */
  profileIsImplied?: boolean
  /** Stochastic depth: block i of n drops its branch with probability dropPath·i/n. */
  dropPath: number
  /** Dropout before the classifier. */
  dropout: number
  /** How weights are drawn. */
  init: Init
  /** Batch norms folded into the convolutions: {@link Network.fuse} makes such networks. Default false. */
  folded?: boolean
  /** See {@link Network.recomputed}. Default none. */
  recompute?: Recomputed
  /** See {@link Network.backend}. Default: MBCONV_BACKEND in the environment, otherwise auto. */
  backend?: Backend
}

/** Which parts keep their weights. */
export interface FreezeOptions {
  /** The last part that keeps its weights: 0 is the stem, 1 the first stage. */
  upTo: number
}

/** The options of {@link Network.profileNative}. */
export interface ProfileNativeOptions {
  /** The times are medians over so many runs. Default 20. */
  runs?: number
}

/** The options of {@link Network.forwardFeatures}. */
export interface FeatureOptions {
  /** Which feature maps to return: 0 is the stem, 1 the first stage. Default: only the last. */
  stages?: readonly number[]
}

/**
 * The network: images [N, inChannels, H, W], normalised, to logits [N, numClasses], or without classes to the features
 * that a classifier would get.
 */
export class Network extends Module {
  /** The stem, the stages and the head. */
  readonly features: Features
  /** The layers behind the pooled features. */
  readonly classifier: Sequential
  /** The table that it was built from, frozen. */
  readonly arch: CheckedArch
  /** Outputs of the classifier. */
  readonly numClasses: number
  /** Channels of the image. */
  readonly inChannels: number
  /** Whether batch norms are folded into the convolutions. {@link fuse} makes such networks; they cannot be trained. */
  readonly folded: boolean
  /**
   * What is computed again in the backward pass in place of keeping its activations: each block, each stage, or nothing.
   * Gradients and statistics are the same, bit for bit. On the CPU only.
   */
  readonly recomputed: Recomputed
  // No private fields: a copy of a module is made without its constructor, and would not have them.
  private ownProfile: Profile
  private isImplied: boolean
  private ownBackend: Backend

  constructor(arch: CheckedArch, settings: NetworkSettings) {
    super()
    const { numClasses, inChannels, profile, dropPath, dropout, init, folded = false, recompute = 'none' } = settings
    this.arch = arch
    this.ownProfile = profile
    this.isImplied = settings.profileIsImplied ?? false
    this.ownBackend = settings.backend ?? defaultBackend()
    this.numClasses = numClasses
    this.inChannels = inChannels
    this.folded = folded
    this.recomputed = recompute
    const context: Context = { profile, init, folded, squeeze: arch.squeeze ?? SQUEEZE }
    const activation = activationOf(arch)
    const convNorm = (input: number, output: number, kernel: number, stride: number) =>
      new ConvNorm({ input, output, kernel, stride, groups: 1, activation }, context)
    const stem = convNorm(inChannels, arch.stem, arch.stemKernel ?? 3, 2)
    const total = arch.stages.reduce((sum, stage) => sum + stage.layers, 0)
    const stages: Block[][] = arch.stages.map(() => [])
    let index = 0
    for (const plan of blocksOf(arch)) {
      const block = new Block(plan, (dropPath * index++) / total, context)
      block.backend = this.ownBackend
      stages[plan.stage].push(block)
    }
    const last = arch.stages[arch.stages.length - 1].channels
    this.features = new Features(
      [
        stem,
        ...stages.map((blocks) => new Sequential(...blocks)),
        ...(arch.head === 0 ? [] : [convNorm(last, arch.head, 1, 1)]),
      ],
      { stemPool: arch.stemPool ?? false, recompute },
    )
    const channels = featureChannels(arch)
    // Numbered as in torchvision: dropout 0, linear 1; in MobileNetV3 linear 0, activation 1, dropout 2, linear 3.
    const wide = arch.hidden ? [new Linear(channels, arch.hidden, { init }), new Hardswish()] : []
    const linear = numClasses === 0 ? [] : [new Linear(arch.hidden || channels, numClasses, { init })]
    this.classifier = new Sequential(...wide, new Dropout(dropout), ...linear)
  }

  /** Length of the vector that the last linear layer gets. */
  get numFeatures(): number {
    return this.arch.hidden || featureChannels(this.arch)
  }

  /** Padding and batch norm's constants. Weights that are loaded may change an implied profile to their own. */
  get profile(): Profile {
    return this.ownProfile
  }

  /** Whether the profile follows from the name alone, because `create` was given none. */
  get profileIsImplied(): boolean {
    return this.isImplied
  }

  /**
   * Computes under another numeric profile from now on, with the same weights.
   *
   * @internal
   */
  adoptProfile(profile: Profile): void {
    this.ownProfile = profile
    this.isImplied = false
    for (const module of this.modules()) if (module instanceof ConvNorm) module.adopt(profile)
  }

  /**
   * All blocks of the stages, in order.
   *
   * @internal
   */
  blocks(): Block[] {
    return this.features.modules().filter((module) => module instanceof Block)
  }

  /** Rate of the dropout before the classifier, in training mode. 0 if the classifier has been replaced by one without. */
  get dropout(): number {
    return dropoutOf(this)?.p ?? 0
  }

  /** @throws MbconvError ERR_TYPE; ERR_VALUE for a rate outside 0 ≤ p < 1, and for a classifier without dropout */
  set dropout(rate: number) {
    checkRate('dropout', 'rate', rate)
    const layer = dropoutOf(this)
    if (layer === undefined)
      throw new MbconvError('ERR_VALUE', 'dropout: the classifier has no dropout', { op: 'dropout' })
    layer.p = rate
  }

  /**
   * What computes the network. `native`: kernels of this package, in float32 on the CPU. They predict with whole folded
   * networks ({@link fuse}), where no gradients are recorded, and train MBConv blocks; what they cannot do is an error.
   * `composite`: libtorch's operations, layer by layer. `auto`: native where possible, in training block by block.
   * Values and gradients are equal up to rounding.
   */
  get backend(): Backend {
    return this.ownBackend
  }

  /** @throws MbconvError ERR_VALUE */
  set backend(backend: Backend) {
    checkBackend('backend', backend)
    this.ownBackend = backend
    for (const block of this.blocks()) block.backend = backend
  }

  /**
   * Why the native kernels do not compute the network in its present mode, in words: `its batch norms are not folded: fuse() does that`.
   *
   * @param x the images that are to be predicted; without them, only the network is judged
   * @returns undefined where they are
   */
  whyNotNative(x?: Tensor): string | undefined {
    if (x !== undefined) checkImages(this, x, 'whyNotNative')
    if (this.backend === 'composite') return 'the backend is composite'
    if (!this.training || this.folded) return whyNotPlanned(this, x)
    return this.blocks()
      .map((block) => nativeLayers(block))
      .find((reason) => typeof reason === 'string')
  }

  /**
   * The time that each step of a native prediction takes, on all threads, for the first of the images.
   *
   * @param options.runs the times are medians over so many runs. Default 20
   * @throws MbconvError ERR_NOT_IMPLEMENTED where {@link whyNotNative} has a reason; ERR_TYPE, ERR_SHAPE, ERR_VALUE
   */
  profileNative(x: Tensor, options: ProfileNativeOptions = {}): StepTime[] {
    const op = checkImages(this, x, 'profileNative')
    checkOptions(op, options, ['runs'])
    const { runs = 20 } = options
    checkCount(op, 'runs', runs)
    const times = profilePlanned(this, x, runs)
    return typeof times === 'string' ? notNative(op, times) : times
  }

  /** Bytes of memory that native predictions keep: packed weights, and an arena for each of the last image sizes. */
  get nativeBytes(): number {
    return plannedBytes(this)
  }

  /** Frees {@link nativeBytes}. The next prediction packs the weights again. */
  dropNative(): void {
    dropPlanned(this)
  }

  override dispose(): void {
    disposePlanned(this)
    super.dispose()
  }

  /**
   * @param x normalised images [N, inChannels, H, W]
   * @returns logits [N, numClasses]; with `numClasses: 0` the features [N, {@link numFeatures}]
   * @throws MbconvError ERR_TYPE, ERR_SHAPE; ERR_NOT_IMPLEMENTED where {@link backend} is `native` and
   *   {@link whyNotNative} has a reason
   */
  forward(x: Tensor): Tensor {
    const op = checkImages(this, x, 'forward')
    const isTrained = this.training && !this.folded // by its blocks, one by one
    if (this.backend !== 'composite' && !isTrained && (this.folded || this.backend === 'native')) {
      const logits = runPlanned(this, x)
      if (typeof logits !== 'string') return logits
      if (this.backend === 'native') notNative(op, logits)
    }
    return scope(() => {
      return this.classifier.forward(pooled(this.features.forward(x), this.arch))
    })
  }

  /**
   * The feature maps that stages output, for detection, segmentation and the like.
   *
   * @param x normalised images [N, inChannels, H, W]
   * @param options.stages Children of `features`: 0 is the stem, 1 … the stages, the last one the head where there is
   *   one. Default: the last.
   * @returns a feature map [N, channels, H', W'] for each stage, in the requested order
   * @throws MbconvError ERR_TYPE, ERR_SHAPE, ERR_INDEX
   */
  forwardFeatures(x: Tensor, options: FeatureOptions = {}): Tensor[] {
    const op = checkImages(this, x, 'forwardFeatures')
    checkOptions(op, options, ['stages'])
    const wanted = options.stages ?? [this.features.length - 1]
    if (!Array.isArray(wanted)) {
      throw new MbconvError('ERR_TYPE', `${op}: stages must be a list of numbers, got ${shown(wanted)}`, { op })
    }
    for (const stage of wanted) checkStage(this, op, stage)
    return scope(() => {
      const found = new Map<number, Tensor>()
      this.features.run(x, (stage, y) => {
        if (wanted.includes(stage)) found.set(stage, y)
        return wanted.includes(stage)
      })
      return wanted.map((stage) => found.get(stage) as Tensor)
    })
  }

  /**
   * The same network for inference, with each batch norm folded into the convolution before it. The logits are equal up
   * to rounding (folding is done in float64); time and memory traffic are lower.
   *
   * Returns a new network with its own tensors, on the same device and in the same dtype; this network stays unchanged.
   * The new network stays in evaluation mode. Its parameters take no gradients (its input may). Its state dict has a
   * bias for each convolution in place of batch norm's entries.
   *
   * @throws MbconvError ERR_VALUE in training mode, in which batch norm does not use the statistics that would be
   *   folded, and for a network that is folded already; ERR_DISPOSED; ERR_OOM, ERR_CUDA_OOM
   */
  fuse(): Network {
    const { arch, profile, numClasses, inChannels } = this
    const op = `${arch.name}.fuse`
    if (this.folded) throw new MbconvError('ERR_VALUE', `${op}: the network is fused already`, { op })
    if (this.modules().some(({ training }) => training)) {
      const hint = 'Call eval() first.'
      throw new MbconvError('ERR_VALUE', `${op}: the network is in training mode`, { op, hint })
    }
    const { backend } = this
    const none = { dropPath: 0, dropout: 0, init: 'none' } as const
    const settings = { numClasses, inChannels, profile, backend, folded: true, ...none }
    return foldedInto(op, this, new Network(arch, settings))
  }

  /**
   * Freezes the first parts of the network while the rest is trained. Frozen parameters take no gradient. Frozen parts
   * stay in evaluation mode when {@link train} is called, so their batch norms keep their statistics. All other parts
   * can be trained. Make the optimiser afterwards: it takes only parameters that require a gradient.
   *
   * @param options.upTo the last part to freeze, a child of `features` as in {@link forwardFeatures}: 0 freezes only
   *   the stem, the last one everything except the classifier
   * @throws MbconvError ERR_TYPE, ERR_INDEX; ERR_VALUE for a folded network
   */
  freeze(options: FreezeOptions): this {
    const op = `${this.arch.name}.freeze`
    checkOptions(op, options, ['upTo'])
    const { upTo } = options
    checkNumber(op, 'upTo', upTo)
    const last = this.features.length - 1
    if (!Number.isInteger(upTo) || upTo < 0 || upTo > last) {
      throw new MbconvError('ERR_INDEX', `${op}: upTo must be a part of features, 0 to ${last}, got ${upTo}`, { op })
    }
    freezeParts(this, op, upTo + 1)
    return this
  }

  /** Reverts {@link freeze}: every part can be trained. */
  unfreeze(): this {
    freezeParts(this, `${this.arch.name}.unfreeze`, 0)
    return this
  }

  /** Another name of {@link folded}, after the method {@link fuse}. */
  get fused(): boolean {
    return this.folded
  }

  /** The number of frozen parts of `features`, counted from the stem. */
  get frozen(): number {
    return this.features.frozen
  }

  /**
   * As in every module, except that frozen parts, and all of a folded network, stay in evaluation mode.
   *
   * @throws MbconvError ERR_VALUE for training mode in a folded network
   */
  override train(mode = true): this {
    if (this.folded && mode !== false) {
      const op = `${this.arch.name}.train`
      const hint = 'Train the network that it was made from.'
      throw new MbconvError('ERR_VALUE', `${op}: a fused network cannot be trained`, { op, hint })
    }
    super.train(mode)
    for (const part of this.features.frozenParts()) part.eval()
    return this
  }

  /**
   * The features of images, pooled as {@link forward} pools them, before the layers of the classifier.
   *
   * @param x normalised images [N, inChannels, H, W]
   * @returns [N, channels of the last feature map], twice as many with `globalPool: 'catavgmax'`
   * @throws MbconvError ERR_TYPE, ERR_SHAPE
   */
  forwardPooled(x: Tensor): Tensor {
    checkImages(this, x, 'forwardPooled')
    return scope(() => pooled(this.features.forward(x), this.arch))
  }

  /**
   * Continues {@link forward} from the output of a part.
   *
   * @param y the output of {@link forwardFeatures} for that stage
   * @returns logits [N, numClasses]
   * @throws MbconvError ERR_TYPE, ERR_INDEX, ERR_SHAPE
   */
  forwardFrom(y: Tensor, stage: number): Tensor {
    const op = `${this.arch.name}.forwardFrom`
    if (!(y instanceof Tensor)) throw new MbconvError('ERR_TYPE', `${op}: expected a Tensor`, { op })
    checkStage(this, op, stage)
    return scope(() => {
      const features = [...this.features].slice(stage + 1).reduce((x, part) => part.forward(x), y)
      return this.classifier.forward(pooled(features, this.arch))
    })
  }
}

// Functions and not private methods: a copy of a module is made without its constructor, and would not have those.

function notNative(op: string, reason: string): never {
  throw new MbconvError('ERR_NOT_IMPLEMENTED', `${op}: not possible natively: ${reason}`, {
    op,
    hint: `With the backend 'auto' libtorch's operations compute it.`,
  })
}

function dropoutOf({ classifier }: Network): Dropout | undefined {
  return classifier.modules().find((module): module is Dropout => module instanceof Dropout)
}

function freezeParts(network: Network, op: string, count: number): Network {
  if (network.folded) throw new MbconvError('ERR_VALUE', `${op}: no part of a fused network can be trained`, { op })
  network.features.frozen = count
  for (const parameter of network.parameters()) parameter.requiresGrad_()
  for (const parameter of network.features.frozenParts().flatMap((part) => part.parameters())) {
    parameter.requiresGrad_(false)
    parameter.grad = null
  }
  return network.train(network.training)
}

function checkStage({ features }: Network, op: string, stage: unknown): void {
  if (Number.isInteger(stage) && (stage as number) >= 0 && (stage as number) < features.length) return
  const given = typeof stage === 'number' ? stage : shown(stage)
  throw new MbconvError('ERR_INDEX', `${op}: stages are 0 to ${features.length - 1}, got ${given}`, { op })
}

function checkImages(network: Network, x: Tensor, method: string): string {
  const op = `${network.arch.name}.${method}`
  if (!(x instanceof Tensor)) throw new MbconvError('ERR_TYPE', `${op}: expected a Tensor`, { op })
  const shape = x.shape
  if (shape.length !== 4 || shape[1] !== network.inChannels) {
    const wanted = `[N, ${network.inChannels}, H, W]`
    throw new MbconvError('ERR_SHAPE', `${op}: expected images ${wanted}, got [${shape.join(', ')}]`, { op })
  }
  return op
}
