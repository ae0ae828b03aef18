/** Checks, before anything is made, that this machine's memory can hold what a configuration asks for. */

import { type TrainConfig, trainConfigSchema } from '../../config/train'
import { bytesOfScenes } from '../../data/sources/scenes'
import { MbconvError } from '../../errors/error'
import type { Arch } from '../../models/arch/arch'
import { count } from '../../models/cost/count'
import { OPTIMIZER_SLOTS } from '../../models/cost/memory'
import { hostMemory } from '../../process/host-memory'
import { gibibytes, whole } from '../../text/figures'

/**
 * Refuses scenes that the machine's memory cannot hold.
 *
 * @param resolution of the model's input, px
 * @throws MbconvError ERR_CONFIG
 */
export function checkScenes({ data }: TrainConfig, resolution: number): void {
  if (data.dataset !== 'scenes') return
  const { train, test, size } = data.scenes
  const side = size ?? resolution
  const bytes = bytesOfScenes({ size: side, train, test })
  if (bytes <= hostMemory()) return
  const key = train >= test ? 'data.scenes.train' : 'data.scenes.test'
  const images = `${whole(train + test)} images of ${side} px take ${gibibytes(bytes)}`
  throw new MbconvError('ERR_CONFIG', `${key}: ${images}; this machine has ${gibibytes(hostMemory())}`, {
    hint: 'fewer images, or a smaller data.scenes.size',
  })
}

/**
 * Refuses a network whose parameters, gradients, optimiser state and average do not fit the machine's memory. Activations
 * are not counted: libtorch itself reports when they do not fit.
 *
 * @throws MbconvError ERR_CONFIG naming the keys that make it so large
 */
export function checkModel(config: TrainConfig, arch: Arch, numClasses: number, inChannels: number): void {
  const { params } = count(arch, { numClasses, inChannels })
  // The weights, their gradients, the optimiser's tensors and the average, all of float32.
  const copies = 2 + OPTIMIZER_SLOTS[config.optimizer.name] + (config.ema === false ? 0 : 1)
  const bytes = 4 * copies * params
  if (bytes <= hostMemory()) return
  const { shape } = trainConfigSchema.shape.model
  const keys = (['width', 'depth', 'stem', 'stages', 'head', 'divisor'] as const).filter(
    (key) => config.model[key] !== shape[key].parse(undefined),
  )
  const named = (keys.length === 0 ? ['name'] : keys).map((key) => `model.${key}`).join(', ')
  const size = `${whole(params)} parameters take ${gibibytes(bytes)} with all that training keeps of each`
  throw new MbconvError('ERR_CONFIG', `${named}: ${size}; this machine has ${gibibytes(hostMemory())}`)
}
