// Writes what every contestant of a row gets: the network's weights, the exported file, the images and the right logits.
// In a process of its own, so that none of its memory and threads is there during the race.
//
//   node scripts/bench/race/prepare.mjs SPEC          SPEC is JSON: a row, and the names of the files
import { writeFileSync } from 'node:fs'
import mb from 'mbconv'
import { specOf } from './answering.mjs'

const { model: name, batch, size, classes, threads, files } = specOf()
mb.setNumThreads(threads)
mb.manualSeed(0)
const options = { numClasses: classes, profile: 'torchvision', dropPath: 0, dropout: 0, seed: 0 }
const network = mb.models.create(name, options).train()

// Statistics of images, as after some training. With those of a new network the activations of a deep one shrink, possibly
// below the ordinary numbers of float32, with which some processors compute slowly. With those of smaller images, or of few
// pixels in the last stage, the network would amplify rounding.
const pixels = Math.ceil(size / 32) ** 2
for (const module of network.modules()) if ('runningVar' in module) module.momentum = 1
mb.scope(() => mb.noGrad(() => network.forward(mb.randn([Math.max(4, Math.ceil(256 / pixels)), 3, size, size]))))
network.eval()

const images = mb.randn([batch, 3, size, size])
writeFileSync(files.images, images.toTypedArray())
mb.models.saveWeights(network, files.weights, { scheme: 'torchvision' })
mb.models.exportOnnx(network, files.onnx, { resolution: size })
const exact = mb.models.create(name, { ...options, dtype: 'float64' }).eval()
mb.models.loadWeights(exact, files.weights)
const logits = mb.scope(() => mb.noGrad(() => exact.forward(images.to({ dtype: 'float64' }))).toTypedArray())
const { macs } = mb.models.count(mb.models.arch(name), { numClasses: classes, resolution: size })
console.log(JSON.stringify({ macs, logits: [...logits] }))
