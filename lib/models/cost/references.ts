/**
 * Networks for comparison that a table of stages cannot describe. They are counted from their layers, and can be
 * neither built nor scaled.
 */
import type { Counts } from './count'

/** A convolution with bias and what follows it up to the next one, or a linear layer with bias. */
export type ReferenceLayer =
  | {
      /** What the layer computes: a convolution, or a matrix product. */
      readonly type: 'conv'
      /** Output channels of a convolution. */
      readonly channels: number
      /** Side of the kernel, px. */
      readonly kernel: number
      /** Step of the kernel, px. */
      readonly stride: number
      /** Zeros around the input, px. */
      readonly padding: number
      /** A 3x3 stride-2 max pooling after it. */
      readonly pool?: boolean
    }
  | {
      /** What the layer computes: a convolution, or a matrix product. */
      readonly type: 'linear'
      /** Outputs of a linear layer. */
      readonly features: number
    }

/** A well-known network, to compare costs with. */
export interface Reference {
  /** The name of the network. */
  readonly name: string
  /** The publication that its table comes from. */
  readonly source: string
  /** Input side, px. */
  readonly resolution: number
  /** Layers in order, for images of 3 channels and 1000 classes. */
  readonly layers: readonly ReferenceLayer[]
  /** Its trainable parameters. */
  readonly params: number
  /** Per image, by the same rule as all other counts. */
  readonly macs: Counts['macs']
  /** Length of the state dict. */
  readonly stateDictEntries: number
}

/** The single-column version, as in torchvision: arXiv:1404.5997, footnote 1. */
// biome-ignore format: one row a layer
const ALEXNET: readonly ReferenceLayer[] = [
  { type: 'conv', channels: 64,  kernel: 11, stride: 4, padding: 2, pool: true },
  { type: 'conv', channels: 192, kernel: 5,  stride: 1, padding: 2, pool: true },
  { type: 'conv', channels: 384, kernel: 3,  stride: 1, padding: 1 },
  { type: 'conv', channels: 256, kernel: 3,  stride: 1, padding: 1 },
  { type: 'conv', channels: 256, kernel: 3,  stride: 1, padding: 1, pool: true },
  { type: 'linear', features: 4096 },
  { type: 'linear', features: 4096 },
  { type: 'linear', features: 1000 },
]

function counted(name: string, source: string, resolution: number, layers: readonly ReferenceLayer[]): Reference {
  let [channels, size, params, macs] = [3, resolution, 0, 0]
  for (const layer of layers) {
    if (layer.type === 'conv') {
      const { kernel, stride, padding } = layer
      size = Math.floor((size + 2 * padding - kernel) / stride) + 1
      const weights = channels * layer.channels * kernel * kernel
      params += weights + layer.channels
      macs += weights * size * size
      if (layer.pool) size = Math.floor((size - 3) / 2) + 1
      channels = layer.channels
    } else {
      // The first linear layer takes every position of the feature map.
      const weights = channels * size * size * layer.features
      params += weights + layer.features
      macs += weights
      ;[channels, size] = [layer.features, 1]
    }
  }
  const frozen = Object.freeze(layers.map((layer) => Object.freeze({ ...layer })))
  return Object.freeze({ name, source, resolution, layers: frozen, params, macs, stateDictEntries: 2 * layers.length })
}

/**
 * Figures of comparison networks that this package cannot build: AlexNet, the field's usual reference. They have no
 * table to scale, so `arch` and `create` do not know them.
 */
export function references(): Reference[] {
  return [counted('alexnet', 'arXiv:1404.5997, as torchvision has it', 224, ALEXNET)]
}
