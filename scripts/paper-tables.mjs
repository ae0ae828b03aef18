/*
 * Recounts the EfficientNet paper's Tables 3 and 7 (networks scaled in different ways) from this package's tables.
 *
 *   node scripts/paper-tables.mjs           Markdown, as in docs/scaling.md
 *
 * Source of the printed figures: arXiv:1905.11946v5. If a network's input side is not a whole number (1.3 · 224 =
 * 291.2), it is rounded to the nearest.
 */
import { models } from 'mbconv'

/** Base, coefficients, printed multiply-adds in billions, printed top-1. */
const TABLE3 = [
  ['mobilenet_v1', {}, 0.6, 70.6],
  ['mobilenet_v1', { width: 2 }, 2.2, 74.2],
  ['mobilenet_v1', { resolution: 2 }, 2.2, 72.7],
  ['mobilenet_v1', { depth: 1.4, width: 1.2, resolution: 1.3 }, 2.3, 75.6],
  ['mobilenet_v2', {}, 0.3, 72.0],
  ['mobilenet_v2', { depth: 4 }, 1.2, 76.8],
  ['mobilenet_v2', { width: 2 }, 1.1, 76.4],
  ['mobilenet_v2', { resolution: 2 }, 1.2, 74.8],
  ['resnet50', {}, 4.1, 76.0],
  ['resnet50', { depth: 4 }, 16.2, 78.1],
  ['resnet50', { width: 2 }, 14.7, 77.7],
  ['resnet50', { resolution: 2 }, 16.4, 77.5],
]
const TABLE7 = [
  ['efficientnet_b0', {}, 0.4, 77.3],
  ['efficientnet_b0', { depth: 4 }, 1.8, 79.0],
  ['efficientnet_b0', { width: 2 }, 1.8, 78.9],
  ['efficientnet_b0', { resolution: 2 }, 1.9, 79.1],
  ['efficientnet_b0', { depth: 1.4, width: 1.2, resolution: 1.3 }, 1.8, 81.1],
]

function row([base, { depth = 1, width = 1, resolution = 1 }, printed, top1]) {
  const arch = models.arch(base)
  const side = Math.round(arch.resolution * resolution)
  const { macs } = models.count(models.scale(arch, { depth, width, resolution: side }))
  const coefficients = Object.entries({ d: depth, w: width, r: resolution }).filter(([, value]) => value !== 1)
  const scaling =
    coefficients.length === 0 ? 'baseline' : coefficients.map(([name, value]) => `${name} ${value}`).join(', ')
  const off = (100 * (macs / (printed * 1e9) - 1)).toFixed(1)
  return `| ${base} | ${scaling} | ${side} | ${printed} | ${(macs / 1e9).toFixed(3)} | ${off > 0 ? '+' : ''}${off} % | ${top1} |`
}

for (const [title, rows] of [
  ['Table 3', TABLE3],
  ['Table 7', TABLE7],
]) {
  console.log(`| ${title} | scaled | px | printed, 10⁹ | counted, 10⁹ | off by | printed top-1, % |`)
  console.log('|---|---|---|---|---|---|---|')
  for (const entry of rows) console.log(row(entry))
  console.log()
}
