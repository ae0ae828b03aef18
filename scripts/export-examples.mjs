/*
 * Writes a published network of every family, with random weights, as ONNX files for other checkers.
 *
 *   node scripts/export-examples.mjs FOLDER && python scripts/goldens/onnx_check.py FOLDER/*.onnx
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import * as mb from 'mbconv'

const [folder] = process.argv.slice(2)
if (folder === undefined) {
  console.error('usage: node scripts/export-examples.mjs FOLDER')
  process.exit(2)
}
mkdirSync(folder, { recursive: true })

/** [model, numeric profile, options of exportOnnx, options of create] */
const EXAMPLES = [
  ['efficientnet_b0', 'torchvision'],
  ['efficientnet_b0', 'tf', { fold: false, opset: 22 }],
  ['efficientnet_b4', 'paper'],
  ['efficientnetv2_s', 'tf'],
  ['efficientnet_lite0', 'timm', { pixels: true }],
  ['mobilenet_v1', 'tf', { opset: 18 }],
  ['mobilenet_v2', 'torchvision', { opset: 19 }],
  ['mobilenet_v3_large', 'torchvision', { opset: 20 }],
  ['mobilenet_v3_small', 'tf', { opset: 21 }, { inChannels: 1, numClasses: 10 }],
  ['mnasnet_a1', 'timm'],
  ['resnet18', 'torchvision', { fold: false }],
  ['resnet50', 'torchvision'],
  ['wide_resnet50_2', 'torchvision'],
]

for (const [name, profile, options = {}, create = {}] of EXAMPLES) {
  const network = mb.models.create(name, { profile, seed: 0, ...create })
  const card = mb.models.makeCard(network, {
    preprocessing: network.inChannels === 1 ? { mean: [0.5], std: [0.5] } : {},
  })
  const changes = Object.entries(options).map(([key, value]) => `-${key}-${value}`)
  const path = join(folder, `${name}-${profile}${changes.join('')}.onnx`)
  const { bytes, nodes } = mb.models.exportOnnx(network, path, { card, ...options })
  console.log(path, bytes, 'bytes', nodes, 'nodes')
  network.dispose()
}
