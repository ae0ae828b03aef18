/* Small networks of every architecture, for tests that need its structure and not its size. */
import { createHash } from 'node:crypto'
import * as mb from 'mbconv'

const { arch, scale } = mb.models

/** The architecture narrow, with one or two blocks a stage, but each stage, stride, kernel, expansion and activation. */
export function small(name) {
  const table = arch(name)
  const stages = table.stages.map((stage) => ({ ...stage, layers: Math.min(stage.layers, 2) }))
  return scale({ ...table, stages, fixedEnds: false, wideHead: false }, { width: 0.1, resolution: 32, divisor: 4 })
}

/** Gives batch norms scales, shifts and statistics as training leaves them: none of them 1 or 0. */
export function disturbNorms(network) {
  for (const norm of network.modules().filter((module) => module instanceof mb.nn.BatchNorm2d)) {
    mb.scope(() =>
      mb.noGrad(() => {
        norm.weight.uniform_(0.5, 1.5)
        norm.bias.normal_(0, 0.3)
        norm.runningMean.normal_(0, 0.3)
        norm.runningVar.uniform_(0.2, 2)
      }),
    )
  }
  return network
}

/** A digest of the values of tensors, for comparing many of them bit for bit. */
export function digestOf(tensors) {
  const hash = createHash('sha256')
  for (const tensor of tensors) hash.update(new Uint8Array(tensor.toTypedArray().buffer))
  return hash.digest('hex')
}
