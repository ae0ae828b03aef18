/** Checks, before anything is allocated, that a configuration fits this machine's memory. */

import { type TrainConfig, trainConfigSchema } from '../../config/train'
import { MbconvError } from '../../errors/error'
import type { Arch } from '../../models/arch/arch'
import { count } from '../../models/cost/count'
import { optimizerKind } from '../../optim/kinds'
import { hostMemory } from '../../process/host-memory'
import { gibibytes, whole } from '../../text/figures'

/**
 * Refuses a network whose parameters, gradients, optimiser state and average do not fit the machine's memory.
 * Activations are not counted: libtorch itself reports an error if they do not fit.
 *
 * @throws MbconvError ERR_CONFIG naming the keys that make the network so large
 */
export function checkModel(config: TrainConfig, arch: Arch, numClasses: number, inChannels: number): void {
  const { params } = count(arch, { numClasses, inChannels })
  // The weights, their gradients, the optimiser's tensors and the average, all in float32.
  const copies = 2 + optimizerKind(config.optimizer.name).slots + (config.ema === false ? 0 : 1)
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
