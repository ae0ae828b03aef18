/* Blocks and a whole network: forward, gradients, running statistics. */
import { createRequire } from 'node:module'
import mb from 'mbconv'
import { CPU64, LIMITS, label, noise, orAbsent, place, rounded, valuesOf, worstError } from './compare.mjs'
import { Absent } from './report.mjs'

// The block is not exported; the networks made of it are.
const require = createRequire(import.meta.url)
const { Block } = require('../../dist/models/network/blocks.js')
const { SQUEEZE, blocksOf } = require('../../dist/models/arch/plan.js')

const profile = mb.models.profileNamed('timm', 'efficientnet_b0')
const same = mb.models.profileNamed('tf', 'efficientnet_b0')
const block = (input, stride, stage, padding = profile) => {
  const stages = [{ seRatio: 0.25, layers: 1, stride, ...stage }]
  const [plan] = blocksOf({ ...mb.models.arch('efficientnet_b0'), stem: input, stages })
  return () => new Block(plan, 0, { profile: padding, init: 'paper', squeeze: SQUEEZE, folded: false })
}

const BLOCKS = {
  'squeeze-and-excitation': { build: () => new mb.nn.SqueezeExcite(48, 6), channels: 48 },
  'MBConv without expansion, 3x3': { build: block(16, 1, { expand: 1, kernel: 3, channels: 8 }), channels: 16 },
  'MBConv 3x3 with skip': { build: block(16, 1, { expand: 6, kernel: 3, channels: 16 }), channels: 16 },
  'MBConv 5x5 stride 2': { build: block(16, 2, { expand: 6, kernel: 5, channels: 24 }), channels: 16 },
  'MBConv 5x5 stride 2, SAME padding': {
    build: block(16, 2, { expand: 6, kernel: 5, channels: 24 }, same),
    channels: 16,
  },
}

export async function checkBlocks(report, { device }) {
  for (const [name, { build, channels }] of Object.entries(BLOCKS)) {
    for (const dtype of ['float32', 'bfloat16']) {
      for (const layout of ['contiguous', 'channelsLast']) {
        const target = { device, dtype, layout }
        await report.check(`${name}, ${label(target)}`, () => compareBlock(build, channels, target))
      }
    }
  }
}

function compareBlock(build, channels, target) {
  const { dtype } = target
  const images = { shape: [8, channels, 16, 16], seed: 7, dtype }
  const reference = runModule(build, CPU64, images)
  return withLimit(target, (where) => worstError(runModule(build, where, images), reference))
}

/**
 * The error on `target`, and its limit. In float32 the limit is that of a single op. In bfloat16, every tensor between
 * two layers is rounded on any device, and gradients that are small differences show it. So the limit there is at least
 * twice the error of the CPU's own bfloat16 (contiguous layout) against the same float64 reference.
 *
 * @param {(where: object) => {error: number, worst: string}} errorOn
 */
function withLimit(target, errorOn) {
  if (target.dtype === 'float32' && !target.autocast) return { ...errorOn(target), limit: LIMITS.float32 }
  const cpu = { ...target, device: 'cpu', layout: 'contiguous' }
  const usual = orAbsent(cpu, () => errorOn(cpu))
  const detail = `the CPU's own: ${usual.error.toExponential(1)}`
  return { ...errorOn(target), limit: Math.max(LIMITS.bfloat16, 2 * usual.error), detail, cpu: usual }
}

/**
 * One pass through a new module, whose weights depend only on the seed and are rounded to the tested precision.
 *
 * @returns {Record<string, Float64Array>} output, running statistics, gradients of the images and of each parameter
 */
function runModule(build, target, { shape, seed, dtype, training = true }) {
  mb.manualSeed(seed)
  const module = build()
  try {
    return mb.scope(() => {
      mb.noGrad(() => {
        for (const t of Object.values(module.stateDict())) if (t.dtype === 'float32') t.copy_(rounded(t, dtype))
      })
      module.to({ device: target.device, dtype: target.dtype, memoryFormat: target.layout }).train(training)
      const x = place(noise(shape, seed + 1, dtype), target, true)
      const forward = () => module.forward(x)
      const output = target.autocast ? mb.autocast({ device: target.device, dtype: 'bfloat16' }, forward) : forward()
      output.backward(place(noise(output.shape, seed + 2, dtype), { ...target, dtype: output.dtype }))
      const results = { output: valuesOf(output), 'gradient of the images': valuesOf(x.grad) }
      for (const [name, parameter] of module.namedParameters())
        results[`gradient of ${name}`] = valuesOf(parameter.grad)
      for (const [name, buffer] of module.namedBuffers()) results[name] = valuesOf(buffer)
      return results
    })
  } finally {
    module.dispose()
  }
}

/** Concatenates all results whose name contains "gradient". */
function allGradients(results) {
  const parts = Object.entries(results).filter(([name]) => name.startsWith('gradient of '))
  const joined = new Float64Array(parts.reduce((sum, [, values]) => sum + values.length, 0))
  let position = 0
  for (const [, values] of parts) {
    joined.set(values, position)
    position += values.length
  }
  return joined
}

/** The larger of two errors: of the logits, and of all gradients as one vector. */
function networkError(results, reference) {
  const both = (from) => ({ output: from.output, gradients: allGradients(from) })
  return worstError(both(results), both(reference))
}

/** One pass of EfficientNet-B0 at 64 px; with `quick`, of a small one. */
export async function checkB0(report, { device, quick }) {
  const arch = quick ? { width: 0.25, depth: 0.1 } : {}
  const scaled = mb.models.scale(mb.models.arch('efficientnet_b0'), { ...arch, resolution: 64 })
  const build = () => mb.models.create(scaled, { numClasses: 10, profile: 'timm', dropPath: 0, dropout: 0 })
  const name = quick ? 'a small EfficientNet at 64 px' : 'EfficientNet-B0 at 64 px'
  for (const training of [true, false]) {
    for (const precision of ['float32', 'bfloat16', 'bfloat16 by autocast']) {
      const autocast = precision === 'bfloat16 by autocast'
      const dtype = autocast ? 'float32' : precision
      const target = { device, dtype, layout: 'channelsLast', autocast }
      const mode = training ? 'training' : 'evaluation'
      await report.check(`${name}, ${mode}, ${precision}, channels last`, () => {
        if (autocast && mb.autocast === undefined) throw new Absent('not in this build (mb.autocast)')
        const images = { shape: [8, 3, 64, 64], seed: 3, dtype, training }
        const reference = runModule(build, CPU64, images)
        return withLimit(target, (where) => networkError(runModule(build, where, images), reference))
      })
    }
  }
}
