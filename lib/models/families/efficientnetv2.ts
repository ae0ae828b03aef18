/**
 * EfficientNetV2: early stages of Fused-MBConv without squeeze-excitation; rounding of channels without the 90 % rule.
 *
 * Sources: Tan and Le, "EfficientNetV2: Smaller Models and Faster Training", arXiv:2104.00298, Table 4;
 * google/automl@6a54c87 efficientnetv2/effnetv2_configs.py. The resolution is that of evaluation.
 */
import { type CheckedArch, checkArch } from '../arch/check'
import { type PublishedVariant, scaledFrom, type Tables } from './efficientnet'

const B0: CheckedArch = checkArch('families', {
  name: 'efficientnetv2_b0',
  stem: 32,
  // biome-ignore format: one row a stage
  stages: [
    { block: 'fused',  kernel: 3, stride: 1, expand: 1, channels: 16,  layers: 1,  seRatio: 0 },
    { block: 'fused',  kernel: 3, stride: 2, expand: 4, channels: 32,  layers: 2,  seRatio: 0 },
    { block: 'fused',  kernel: 3, stride: 2, expand: 4, channels: 48,  layers: 2,  seRatio: 0 },
    { block: 'mbconv', kernel: 3, stride: 2, expand: 4, channels: 96,  layers: 3,  seRatio: 0.25 },
    { block: 'mbconv', kernel: 3, stride: 1, expand: 6, channels: 112, layers: 5,  seRatio: 0.25 },
    { block: 'mbconv', kernel: 3, stride: 2, expand: 6, channels: 192, layers: 8,  seRatio: 0.25 },
  ],
  head: 1280,
  width: 1,
  depth: 1,
  resolution: 224,
  dropout: 0.2,
  dropPath: 0.2,
  divisor: 8,
  leastShare: 0,
})

// biome-ignore format: a table
const SMALL = {
  efficientnetv2_b0: { width: 1.0, depth: 1.0, resolution: 224, dropout: 0.2 },
  efficientnetv2_b1: { width: 1.0, depth: 1.1, resolution: 240, dropout: 0.2 },
  efficientnetv2_b2: { width: 1.1, depth: 1.2, resolution: 260, dropout: 0.3 },
  efficientnetv2_b3: { width: 1.2, depth: 1.4, resolution: 300, dropout: 0.3 },
} satisfies Readonly<Record<string, PublishedVariant>>

const S: CheckedArch = checkArch('families', {
  name: 'efficientnetv2_s',
  stem: 24,
  // biome-ignore format: one row a stage
  stages: [
    { block: 'fused',  kernel: 3, stride: 1, expand: 1, channels: 24,  layers: 2,  seRatio: 0 },
    { block: 'fused',  kernel: 3, stride: 2, expand: 4, channels: 48,  layers: 4,  seRatio: 0 },
    { block: 'fused',  kernel: 3, stride: 2, expand: 4, channels: 64,  layers: 4,  seRatio: 0 },
    { block: 'mbconv', kernel: 3, stride: 2, expand: 4, channels: 128, layers: 6,  seRatio: 0.25 },
    { block: 'mbconv', kernel: 3, stride: 1, expand: 6, channels: 160, layers: 9,  seRatio: 0.25 },
    { block: 'mbconv', kernel: 3, stride: 2, expand: 6, channels: 256, layers: 15, seRatio: 0.25 },
  ],
  head: 1280,
  width: 1,
  depth: 1,
  resolution: 384,
  dropout: 0.2,
  dropPath: 0.2,
  divisor: 8,
  leastShare: 0,
})

const M: CheckedArch = checkArch('families', {
  name: 'efficientnetv2_m',
  stem: 24,
  // biome-ignore format: one row a stage
  stages: [
    { block: 'fused',  kernel: 3, stride: 1, expand: 1, channels: 24,  layers: 3,  seRatio: 0 },
    { block: 'fused',  kernel: 3, stride: 2, expand: 4, channels: 48,  layers: 5,  seRatio: 0 },
    { block: 'fused',  kernel: 3, stride: 2, expand: 4, channels: 80,  layers: 5,  seRatio: 0 },
    { block: 'mbconv', kernel: 3, stride: 2, expand: 4, channels: 160, layers: 7,  seRatio: 0.25 },
    { block: 'mbconv', kernel: 3, stride: 1, expand: 6, channels: 176, layers: 14, seRatio: 0.25 },
    { block: 'mbconv', kernel: 3, stride: 2, expand: 6, channels: 304, layers: 18, seRatio: 0.25 },
    { block: 'mbconv', kernel: 3, stride: 1, expand: 6, channels: 512, layers: 5,  seRatio: 0.25 },
  ],
  head: 1280,
  width: 1,
  depth: 1,
  resolution: 480,
  dropout: 0.3,
  dropPath: 0.2,
  divisor: 8,
  leastShare: 0,
})

const L: CheckedArch = checkArch('families', {
  name: 'efficientnetv2_l',
  stem: 32,
  // biome-ignore format: one row a stage
  stages: [
    { block: 'fused',  kernel: 3, stride: 1, expand: 1, channels: 32,  layers: 4,  seRatio: 0 },
    { block: 'fused',  kernel: 3, stride: 2, expand: 4, channels: 64,  layers: 7,  seRatio: 0 },
    { block: 'fused',  kernel: 3, stride: 2, expand: 4, channels: 96,  layers: 7,  seRatio: 0 },
    { block: 'mbconv', kernel: 3, stride: 2, expand: 4, channels: 192, layers: 10, seRatio: 0.25 },
    { block: 'mbconv', kernel: 3, stride: 1, expand: 6, channels: 224, layers: 19, seRatio: 0.25 },
    { block: 'mbconv', kernel: 3, stride: 2, expand: 6, channels: 384, layers: 25, seRatio: 0.25 },
    { block: 'mbconv', kernel: 3, stride: 1, expand: 6, channels: 640, layers: 7,  seRatio: 0.25 },
  ],
  head: 1280,
  width: 1,
  depth: 1,
  resolution: 480,
  dropout: 0.4,
  dropPath: 0.2,
  divisor: 8,
  leastShare: 0,
})

const XL: CheckedArch = checkArch('families', {
  name: 'efficientnetv2_xl',
  stem: 32,
  // biome-ignore format: one row a stage
  stages: [
    { block: 'fused',  kernel: 3, stride: 1, expand: 1, channels: 32,  layers: 4,  seRatio: 0 },
    { block: 'fused',  kernel: 3, stride: 2, expand: 4, channels: 64,  layers: 8,  seRatio: 0 },
    { block: 'fused',  kernel: 3, stride: 2, expand: 4, channels: 96,  layers: 8,  seRatio: 0 },
    { block: 'mbconv', kernel: 3, stride: 2, expand: 4, channels: 192, layers: 16, seRatio: 0.25 },
    { block: 'mbconv', kernel: 3, stride: 1, expand: 6, channels: 256, layers: 24, seRatio: 0.25 },
    { block: 'mbconv', kernel: 3, stride: 2, expand: 6, channels: 512, layers: 32, seRatio: 0.25 },
    { block: 'mbconv', kernel: 3, stride: 1, expand: 6, channels: 640, layers: 8,  seRatio: 0.25 },
  ],
  head: 1280,
  width: 1,
  depth: 1,
  resolution: 512,
  dropout: 0.4,
  dropPath: 0.2,
  divisor: 8,
  leastShare: 0,
})

/** timm's variants of S and M, from before the official tables were published. timm 1.0.29, models/efficientnet.py. */
const RW_S: CheckedArch = checkArch('families', {
  name: 'efficientnetv2_rw_s',
  stem: 24,
  // biome-ignore format: one row a stage
  stages: [
    { block: 'edge',   kernel: 3, stride: 1, expand: 1, channels: 24,  layers: 2,  seRatio: 0 },
    { block: 'fused',  kernel: 3, stride: 2, expand: 4, channels: 48,  layers: 4,  seRatio: 0 },
    { block: 'fused',  kernel: 3, stride: 2, expand: 4, channels: 64,  layers: 4,  seRatio: 0 },
    { block: 'mbconv', kernel: 3, stride: 2, expand: 4, channels: 128, layers: 6,  seRatio: 0.25 },
    { block: 'mbconv', kernel: 3, stride: 1, expand: 6, channels: 160, layers: 9,  seRatio: 0.25 },
    { block: 'mbconv', kernel: 3, stride: 2, expand: 6, channels: 272, layers: 15, seRatio: 0.25 },
  ],
  head: 1792,
  width: 1,
  depth: 1,
  resolution: 384,
  dropout: 0.2,
  dropPath: 0.2,
  divisor: 8,
})

/** The last two stages are deepened by 1.6, the others by 1.2, so no single depth coefficient makes it from S. */
const RW_M: CheckedArch = checkArch('families', {
  name: 'efficientnetv2_rw_m',
  stem: 32,
  // biome-ignore format: one row a stage
  stages: [
    { block: 'edge',   kernel: 3, stride: 1, expand: 1, channels: 32,  layers: 3,  seRatio: 0 },
    { block: 'fused',  kernel: 3, stride: 2, expand: 4, channels: 56,  layers: 5,  seRatio: 0 },
    { block: 'fused',  kernel: 3, stride: 2, expand: 4, channels: 80,  layers: 5,  seRatio: 0 },
    { block: 'mbconv', kernel: 3, stride: 2, expand: 4, channels: 152, layers: 8,  seRatio: 0.25 },
    { block: 'mbconv', kernel: 3, stride: 1, expand: 6, channels: 192, layers: 15, seRatio: 0.25 },
    { block: 'mbconv', kernel: 3, stride: 2, expand: 6, channels: 328, layers: 24, seRatio: 0.25 },
  ],
  head: 2152,
  width: 1,
  depth: 1,
  resolution: 416,
  dropout: 0.3,
  dropPath: 0.2,
  divisor: 8,
})

export const EFFICIENTNETV2 = {
  ...scaledFrom(B0, SMALL),
  efficientnetv2_s: () => S,
  efficientnetv2_m: () => M,
  efficientnetv2_l: () => L,
  efficientnetv2_xl: () => XL,
} satisfies Tables<string>

export const EFFICIENTNETV2_RW = {
  efficientnetv2_rw_s: () => RW_S,
  efficientnetv2_rw_m: () => RW_M,
} satisfies Tables<string>
