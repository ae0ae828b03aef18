/** The network of a training run. */
import { tableOf } from '../../config/model-table'
import type { TrainConfig } from '../../config/train'
import { MbconvError } from '../../errors/error'
import type { CheckedArch } from '../../models/arch/check'
import { scale } from '../../models/arch/scaling'
import { type CreateOptions, create } from '../../models/network/create'
import type { Network } from '../../models/network/network'
import { PROFILE_NAMES, profileNamed } from '../../models/network/profiles'
import { computesSame } from '../../models/weights/own-profile'
import { printable } from '../../text/foreign-text'
import { beginWith } from './initial-weights'

/** The scaled stage table that a configuration names. */
export function archFor({ model }: TrainConfig): CheckedArch {
  const { width, depth, divisor } = model
  const table = tableOf(model)
  return scale(table, { width, depth, resolution: model.resolution ?? table.resolution, divisor })
}

/** What a network depends on besides the configuration. */
export interface ModelFacts {
  numClasses: number
  inChannels: number
  device: string
}

/**
 * Builds a configuration's model on its device, in training mode.
 *
 * @param init 'none' if weights will be loaded into it
 */
export function modelOf(
  config: TrainConfig,
  { numClasses, inChannels, device, init }: ModelFacts & { init: CreateOptions['init'] },
): Network {
  const { dropout, dropPath, profile, recompute } = config.model
  const options = {
    numClasses,
    inChannels,
    ...(profile !== null && { profile }),
    dropPath,
    seed: config.seed,
    device,
    init,
    recompute,
  }
  const model = create(archFor(config), dropout === null ? options : { ...options, dropout })
  try {
    return model.to({ memoryFormat: config.memoryFormat })
  } catch (error) {
    model.dispose()
    throw error
  }
}

/**
 * The configuration with the profile that the model has. It was null if a file of weights decided.
 *
 * @throws MbconvError ERR_CONFIG for a profile that a configuration cannot name
 */
export function withProfileOf({ profile, arch }: Network, config: TrainConfig): TrainConfig {
  if (config.model.profile !== null) return config
  const name = PROFILE_NAMES.find((each) => each === profile.name)
  if (name === undefined || !computesSame(profileNamed(name, arch.name), profile)) {
    const message = `model.weights has the numeric profile ${printable(profile.name)}, which is none of ${PROFILE_NAMES.join(', ')}`
    const hint = 'Set model.profile to one of them, and model.weightsProfile: as-is.'
    throw new MbconvError('ERR_CONFIG', message, { hint })
  }
  return { ...config, model: { ...config.model, profile: name } }
}

/**
 * The model at the start of training, with its frozen part frozen. In a resumed run it has no weights yet: the
 * checkpoint provides them.
 *
 * @returns the model, which the caller disposes, and notes about its weights for the user
 * @throws MbconvError ERR_IO, ERR_FORMAT … if weights cannot be loaded
 */
export function openModel(
  config: TrainConfig,
  facts: ModelFacts & { resumed: boolean },
): { model: Network; notes: string[] } {
  const { resumed } = facts
  const model = modelOf(config, { ...facts, init: resumed ? 'none' : 'library' })
  try {
    if (config.backend !== 'auto') model.backend = config.backend
    const notes = resumed ? [] : beginWith(model, config)
    if (config.model.freeze != null) model.freeze({ upTo: config.model.freeze })
    return { model, notes }
  } catch (error) {
    model.dispose()
    throw error
  }
}
