/**
 * An architecture block by block and layer by layer. Building, counting and every other walk over a network use this.
 */
import type { ActivationName, Arch, Squeeze, Stage } from './arch'
import type { CheckedArch } from './check'
import { GLOBAL_POOLS } from './choices'
import { type BlockKind, type BlockShape, DEFAULT_KIND, KINDS, type KindDescription, type LayerPlan } from './kinds'
import { roundChannels } from './scaling'

/** EfficientNet's squeeze-excitation. */
export const SQUEEZE: Squeeze = Object.freeze({ of: 'input', activation: 'silu', gate: 'sigmoid' })

/** One block of a network: its kind, and its layers with all sizes. */
export interface BlockPlan extends BlockShape {
  /** Index of the stage, from 0. */
  readonly stage: number
  /** The kind of the block. */
  readonly kind: BlockKind
  /** Whether the input is added to the output. */
  readonly residual: boolean
}

/** Yields the network's blocks in order. Consecutive equal blocks are the same object. */
export function* blocksOf(arch: CheckedArch): Generator<BlockPlan> {
  let input = arch.stem
  for (const [index, stage] of arch.stages.entries()) {
    const { block: kind = DEFAULT_KIND, kernel, channels: output, activation = activationOf(arch) } = stage
    const description: KindDescription = KINDS[kind]
    const always = description.residual === 'always'
    let plan: BlockPlan | undefined
    for (let i = 0; i < stage.layers; i++) {
      // From the second on, all blocks of a stage are equal.
      if (plan === undefined || i < 2) {
        const stride = i === 0 ? stage.stride : 1
        const inner = stage.expanded ?? (description.width === 'input' ? input : output) * stage.expand
        const same = stride === 1 && input === output
        // biome-ignore format: one line a group; built in place, since searches count thousands of networks
        plan = {
          stage: index, kind, input, inner, squeezed: squeezeChannels(arch, stage, input, inner), output,
          kernel, stride, activation, residual: always || (same && description.residual === 'matching'),
          projected: always && !same,
        }
        input = output
      }
      yield plan
    }
  }
}

/** The layers of a block in the order of the state dict. */
export function layersOf(plan: BlockPlan): LayerPlan[] {
  return KINDS[plan.kind].layers(plan)
}

export function activationOf(arch: Arch): ActivationName {
  return arch.activation ?? 'silu'
}

/** The drop path that a network is trained with unless told otherwise. */
export function defaultDropPath({ dropPath = 0 }: Pick<Arch, 'dropPath'>): number {
  return dropPath
}

/** Channels of the last feature map. */
export function mapChannels(arch: Arch): number {
  return arch.head || arch.stages[arch.stages.length - 1].channels
}

/** How the last feature map is pooled. */
export function globalPoolOf({ globalPool = 'avg' }: Pick<Arch, 'globalPool'>) {
  return GLOBAL_POOLS[globalPool]
}

/** Numbers of the pooled feature map, the input of the first linear layer. */
export function featureChannels(arch: Arch): number {
  const { of, joined } = globalPoolOf(arch)
  return mapChannels(arch) * (joined === 'concatenated' ? of.length : 1)
}

function squeezeChannels(arch: Arch, { seRatio }: Stage, input: number, inner: number): number {
  if (seRatio === 0) return 0
  if ((arch.squeeze ?? SQUEEZE).of === 'input') return Math.max(1, Math.floor(input * seRatio))
  return roundChannels(Math.max(1, Math.floor(inner * seRatio)), 1, 8)
}
