/**
 * ResNet and Wide ResNet, with the stride in the 3x3 convolution as in torchvision.
 *
 * Sources: arXiv:1512.03385, Table 1; arXiv:1605.07146. "Wide" here, as in torchvision, doubles the width inside the
 * blocks; scaling in width multiplies every width.
 */
import type { Stage } from '../arch/arch'
import { type CheckedArch, checkArch } from '../arch/check'
import type { Tables } from './efficientnet'

function resnet(name: string, block: 'basic' | 'bottleneck', layers: readonly number[], expand: number): CheckedArch {
  const widths = block === 'basic' ? [64, 128, 256, 512] : [256, 512, 1024, 2048]
  const stages = widths.map((channels, i): Stage => {
    return { block, kernel: 3, stride: i === 0 ? 1 : 2, expand, channels, layers: layers[i], seRatio: 0 }
  })
  return checkArch('families', {
    ...{ name, stem: 64, stemKernel: 7, stemPool: true, stages, head: 0, activation: 'relu' },
    ...{ width: 1, depth: 1, resolution: 224, dropout: 0, divisor: 8 },
  })
}

// biome-ignore format: a table
export const RESNET = {
  resnet18:         () => resnet('resnet18',         'basic',      [2, 2, 2, 2],  1),
  resnet34:         () => resnet('resnet34',         'basic',      [3, 4, 6, 3],  1),
  resnet50:         () => resnet('resnet50',         'bottleneck', [3, 4, 6, 3],  0.25),
  resnet101:        () => resnet('resnet101',        'bottleneck', [3, 4, 23, 3], 0.25),
  resnet152:        () => resnet('resnet152',        'bottleneck', [3, 8, 36, 3], 0.25),
  wide_resnet50_2:  () => resnet('wide_resnet50_2',  'bottleneck', [3, 4, 6, 3],  0.5),
  wide_resnet101_2: () => resnet('wide_resnet101_2', 'bottleneck', [3, 4, 23, 3], 0.5),
} satisfies Tables<string>
