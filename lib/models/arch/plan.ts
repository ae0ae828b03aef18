/**
 * An architecture block by block: what counting and building have in common, so that they cannot disagree.
 */
import type { ActivationName, Arch, BlockKind, Squeeze, Stage } from './arch'
import { roundChannels } from './scaling'

/** EfficientNet's squeeze-excitation. */
export const SQUEEZE: Squeeze = Object.freeze({ of: 'input', activation: 'silu', gate: 'sigmoid' })

export interface BlockPlan {
  /** Index of the stage, from 0. */
  readonly stage: number
  readonly kind: BlockKind
  readonly input: number
  /** Channels inside. */
  readonly inner: number
  /** Channels of the squeeze; 0 for no squeeze-excitation. */
  readonly squeezed: number
  readonly output: number
  readonly kernel: number
  readonly stride: number
  readonly activation: ActivationName
  /** Whether the input is added to the output. */
  readonly residual: boolean
  /** Whether the input is projected before it is added (ResNet). */
  readonly projected: boolean
}

export function* blocksOf(arch: Arch): Generator<BlockPlan> {
  let input = arch.stem
  for (const [index, stage] of arch.stages.entries()) {
    const { block: kind = 'mbconv', kernel, channels: output, activation = activationOf(arch) } = stage
    for (let i = 0; i < stage.layers; i++) {
      const stride = i === 0 ? stage.stride : 1
      const inner = innerChannels(kind, stage, input)
      const same = stride === 1 && input === output
      const resnet = kind === 'basic' || kind === 'bottleneck'
      // biome-ignore format: one line a group; built in place, since searches count thousands of networks
      yield {
        stage: index, kind, input, inner, squeezed: squeezeChannels(arch, stage, input, inner), output,
        kernel, stride, activation, residual: resnet || (same && kind !== 'separable'), projected: resnet && !same,
      }
      input = output
    }
  }
}

export function activationOf(arch: Arch): ActivationName {
  return arch.activation ?? 'silu'
}

/** Channels that go into the classifier. */
export function featureChannels(arch: Arch): number {
  return arch.head || arch.stages[arch.stages.length - 1].channels
}

function innerChannels(kind: BlockKind, stage: Stage, input: number): number {
  if (stage.expanded !== undefined) return stage.expanded
  if (kind === 'bottleneck') return stage.channels * stage.expand
  return kind === 'basic' ? stage.channels : input * stage.expand
}

function squeezeChannels(arch: Arch, { seRatio }: Stage, input: number, inner: number): number {
  if (seRatio === 0) return 0
  if ((arch.squeeze ?? SQUEEZE).of === 'input') return Math.max(1, Math.floor(input * seRatio))
  return roundChannels(Math.max(1, Math.floor(inner * seRatio)), 1, 8)
}
