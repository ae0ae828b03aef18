/** What computes the steps of a run, and how a resumed run keeps it. */
import type { TrainConfig } from '../../config/train'
import { MbconvError } from '../../errors/error'
import { nativeLayers } from '../../models/network/native-block'
import type { Network } from '../../models/network/network'
import { cpuKernels } from '../../native/runtime'
import type { Precision } from '../../optim/precision'
import type { Computed } from '../run/checkpoint-state'

/** Where and how a run computes. */
interface Place {
  /** A resolved device, `cpu` or `cuda:N`. */
  device: string
  precision: Precision
}

/**
 * Sets the backend of a run's network.
 *
 * A resumed run keeps what computed its earlier steps: the values of the two backends differ by rounding. Evaluations are
 * composite in any case, as their batch norms are not folded.
 *
 * @param before of the steps that are done; null for libtorch's operations, undefined before the first step
 * @returns what computes the steps, and notes for the user
 * @throws MbconvError ERR_CONFIG where `backend: native` is not possible
 */
export function settleBackend(
  model: Network,
  { backend }: TrainConfig,
  { device, precision }: Place,
  before: Computed | null | undefined,
): { computed: Computed; notes: string[] } {
  const reason = whyComposite(model, { device, precision })
  // With `auto`, the model has the backend of the environment.
  if (model.backend === 'native' && before === undefined) {
    const why = reason ?? model.whyNotNative()
    if (why !== undefined) throw refused(why)
  }
  const isKept = before === undefined || backend !== 'auto' || before?.backend === 'native'
  const isNative = reason === undefined && isKept
  model.backend = isNative ? 'auto' : 'composite'
  const computed: Computed = isNative
    ? { backend: 'native', kernels: cpuKernels().used }
    : { backend: 'composite', kernels: null }
  return { computed, notes: before === undefined ? [] : changes(before, computed, reason) }
}

/** Why no block is trained natively; undefined if some are. */
function whyComposite(model: Network, { device, precision }: Place): string | undefined {
  if (model.backend === 'composite') return 'the backend is composite'
  if (device !== 'cpu') return `the kernels are for the CPU, and the device is ${device}`
  if (precision !== 'float32') return `the kernels compute in float32, and the precision is ${precision}`
  const isTrained = model.blocks().some((block) => typeof nativeLayers(block) !== 'string')
  return isTrained ? undefined : model.whyNotNative()
}

function refused(reason: string): MbconvError {
  const hint = "With backend: auto libtorch's operations compute what the kernels do not."
  return new MbconvError('ERR_CONFIG', `backend: native is not possible: ${reason}`, { hint })
}

/** Notes about steps that are computed in another way than those before them. */
function changes(before: Computed | null, now: Computed, reason: string | undefined): string[] {
  const differ = 'results differ from those of an uninterrupted run by rounding'
  if (before?.backend !== 'native')
    return now.backend === 'native' ? [`earlier steps were computed by libtorch's operations: ${differ}`] : []
  if (now.backend === 'composite')
    return [`earlier steps were computed by native kernels, and now ${reason ?? 'they are not'}: ${differ}`]
  if (now.kernels === before.kernels) return []
  return [`earlier steps were computed by the kernels for ${before.kernels}, and now for ${now.kernels}: ${differ}`]
}
