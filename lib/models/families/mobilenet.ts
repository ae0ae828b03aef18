/**
 * MobileNetV1, V2, V3 and MnasNet.
 *
 * Sources: arXiv:1704.04861, Table 1; arXiv:1801.04381, Table 2; arXiv:1905.02244, Tables 1 and 2; arXiv:1807.11626,
 * Figure 7. Where implementations differ from a paper, these tables follow torchvision and timm.
 */
import { type CheckedArch, checkArch } from '../arch/check'
import type { Tables } from './efficientnet'

const COMMON = { width: 1, depth: 1, resolution: 224, dropout: 0.2, divisor: 8 }

/** Depthwise blocks of equal width form one stage, so scaling in depth repeats them. */
const V1: CheckedArch = checkArch('families', {
  ...COMMON,
  name: 'mobilenet_v1',
  stem: 32,
  // biome-ignore format: one row a stage
  stages: [
    { block: 'separable', kernel: 3, stride: 1, expand: 1, channels: 64,   layers: 1, seRatio: 0 },
    { block: 'separable', kernel: 3, stride: 2, expand: 1, channels: 128,  layers: 2, seRatio: 0 },
    { block: 'separable', kernel: 3, stride: 2, expand: 1, channels: 256,  layers: 2, seRatio: 0 },
    { block: 'separable', kernel: 3, stride: 2, expand: 1, channels: 512,  layers: 6, seRatio: 0 },
    { block: 'separable', kernel: 3, stride: 2, expand: 1, channels: 1024, layers: 2, seRatio: 0 },
  ],
  head: 0,
  activation: 'relu6',
})

const V2: CheckedArch = checkArch('families', {
  ...COMMON,
  name: 'mobilenet_v2',
  stem: 32,
  // biome-ignore format: one row a stage
  stages: [
    { kernel: 3, stride: 1, expand: 1, channels: 16,  layers: 1, seRatio: 0 },
    { kernel: 3, stride: 2, expand: 6, channels: 24,  layers: 2, seRatio: 0 },
    { kernel: 3, stride: 2, expand: 6, channels: 32,  layers: 3, seRatio: 0 },
    { kernel: 3, stride: 2, expand: 6, channels: 64,  layers: 4, seRatio: 0 },
    { kernel: 3, stride: 1, expand: 6, channels: 96,  layers: 3, seRatio: 0 },
    { kernel: 3, stride: 2, expand: 6, channels: 160, layers: 3, seRatio: 0 },
    { kernel: 3, stride: 1, expand: 6, channels: 320, layers: 1, seRatio: 0 },
  ],
  head: 1280,
  activation: 'relu6',
  wideHead: true,
})

const V3 = {
  ...COMMON,
  activation: 'hardswish',
  squeeze: { of: 'expanded', activation: 'relu', gate: 'hardsigmoid' },
} as const

const V3_LARGE: CheckedArch = checkArch('families', {
  ...V3,
  name: 'mobilenet_v3_large',
  stem: 16,
  // biome-ignore format: one row a stage
  stages: [
    { kernel: 3, stride: 1, expand: 1, expanded: 16,  channels: 16,  layers: 1, seRatio: 0,    activation: 'relu' },
    { kernel: 3, stride: 2, expand: 1, expanded: 64,  channels: 24,  layers: 1, seRatio: 0,    activation: 'relu' },
    { kernel: 3, stride: 1, expand: 1, expanded: 72,  channels: 24,  layers: 1, seRatio: 0,    activation: 'relu' },
    { kernel: 5, stride: 2, expand: 1, expanded: 72,  channels: 40,  layers: 1, seRatio: 0.25, activation: 'relu' },
    { kernel: 5, stride: 1, expand: 1, expanded: 120, channels: 40,  layers: 1, seRatio: 0.25, activation: 'relu' },
    { kernel: 5, stride: 1, expand: 1, expanded: 120, channels: 40,  layers: 1, seRatio: 0.25, activation: 'relu' },
    { kernel: 3, stride: 2, expand: 1, expanded: 240, channels: 80,  layers: 1, seRatio: 0,    activation: 'hardswish' },
    { kernel: 3, stride: 1, expand: 1, expanded: 200, channels: 80,  layers: 1, seRatio: 0,    activation: 'hardswish' },
    { kernel: 3, stride: 1, expand: 1, expanded: 184, channels: 80,  layers: 1, seRatio: 0,    activation: 'hardswish' },
    { kernel: 3, stride: 1, expand: 1, expanded: 184, channels: 80,  layers: 1, seRatio: 0,    activation: 'hardswish' },
    { kernel: 3, stride: 1, expand: 1, expanded: 480, channels: 112, layers: 1, seRatio: 0.25, activation: 'hardswish' },
    { kernel: 3, stride: 1, expand: 1, expanded: 672, channels: 112, layers: 1, seRatio: 0.25, activation: 'hardswish' },
    { kernel: 5, stride: 2, expand: 1, expanded: 672, channels: 160, layers: 1, seRatio: 0.25, activation: 'hardswish' },
    { kernel: 5, stride: 1, expand: 1, expanded: 960, channels: 160, layers: 1, seRatio: 0.25, activation: 'hardswish' },
    { kernel: 5, stride: 1, expand: 1, expanded: 960, channels: 160, layers: 1, seRatio: 0.25, activation: 'hardswish' },
  ],
  head: 960,
  hidden: 1280,
})

const V3_SMALL: CheckedArch = checkArch('families', {
  ...V3,
  name: 'mobilenet_v3_small',
  stem: 16,
  // biome-ignore format: one row a stage
  stages: [
    { kernel: 3, stride: 2, expand: 1, expanded: 16,  channels: 16,  layers: 1, seRatio: 0.25, activation: 'relu' },
    { kernel: 3, stride: 2, expand: 1, expanded: 72,  channels: 24,  layers: 1, seRatio: 0,    activation: 'relu' },
    { kernel: 3, stride: 1, expand: 1, expanded: 88,  channels: 24,  layers: 1, seRatio: 0,    activation: 'relu' },
    { kernel: 5, stride: 2, expand: 1, expanded: 96,  channels: 40,  layers: 1, seRatio: 0.25, activation: 'hardswish' },
    { kernel: 5, stride: 1, expand: 1, expanded: 240, channels: 40,  layers: 1, seRatio: 0.25, activation: 'hardswish' },
    { kernel: 5, stride: 1, expand: 1, expanded: 240, channels: 40,  layers: 1, seRatio: 0.25, activation: 'hardswish' },
    { kernel: 5, stride: 1, expand: 1, expanded: 120, channels: 48,  layers: 1, seRatio: 0.25, activation: 'hardswish' },
    { kernel: 5, stride: 1, expand: 1, expanded: 144, channels: 48,  layers: 1, seRatio: 0.25, activation: 'hardswish' },
    { kernel: 5, stride: 2, expand: 1, expanded: 288, channels: 96,  layers: 1, seRatio: 0.25, activation: 'hardswish' },
    { kernel: 5, stride: 1, expand: 1, expanded: 576, channels: 96,  layers: 1, seRatio: 0.25, activation: 'hardswish' },
    { kernel: 5, stride: 1, expand: 1, expanded: 576, channels: 96,  layers: 1, seRatio: 0.25, activation: 'hardswish' },
  ],
  head: 576,
  hidden: 1024,
})

const MNASNET_B1: CheckedArch = checkArch('families', {
  ...COMMON,
  name: 'mnasnet_b1',
  stem: 32,
  // biome-ignore format: one row a stage
  stages: [
    { kernel: 3, stride: 1, expand: 1, channels: 16,  layers: 1, seRatio: 0 },
    { kernel: 3, stride: 2, expand: 3, channels: 24,  layers: 3, seRatio: 0 },
    { kernel: 5, stride: 2, expand: 3, channels: 40,  layers: 3, seRatio: 0 },
    { kernel: 5, stride: 2, expand: 6, channels: 80,  layers: 3, seRatio: 0 },
    { kernel: 3, stride: 1, expand: 6, channels: 96,  layers: 2, seRatio: 0 },
    { kernel: 5, stride: 2, expand: 6, channels: 192, layers: 4, seRatio: 0 },
    { kernel: 3, stride: 1, expand: 6, channels: 320, layers: 1, seRatio: 0 },
  ],
  head: 1280,
  activation: 'relu',
})

const MNASNET_A1: CheckedArch = checkArch('families', {
  ...COMMON,
  name: 'mnasnet_a1',
  stem: 32,
  // biome-ignore format: one row a stage
  stages: [
    { kernel: 3, stride: 1, expand: 1, channels: 16,  layers: 1, seRatio: 0 },
    { kernel: 3, stride: 2, expand: 6, channels: 24,  layers: 2, seRatio: 0 },
    { kernel: 5, stride: 2, expand: 3, channels: 40,  layers: 3, seRatio: 0.25 },
    { kernel: 3, stride: 2, expand: 6, channels: 80,  layers: 4, seRatio: 0 },
    { kernel: 3, stride: 1, expand: 6, channels: 112, layers: 2, seRatio: 0.25 },
    { kernel: 5, stride: 2, expand: 6, channels: 160, layers: 3, seRatio: 0.25 },
    { kernel: 3, stride: 1, expand: 6, channels: 320, layers: 1, seRatio: 0 },
  ],
  head: 1280,
  activation: 'relu',
  squeeze: { of: 'input', activation: 'relu', gate: 'sigmoid' },
})

export const MOBILENET = {
  mobilenet_v1: () => V1,
  mobilenet_v2: () => V2,
  mobilenet_v3_small: () => V3_SMALL,
  mobilenet_v3_large: () => V3_LARGE,
} satisfies Tables<string>

export const MNASNET = {
  mnasnet_b1: () => MNASNET_B1,
  mnasnet_a1: () => MNASNET_A1,
} satisfies Tables<string>
