/** Moves and converts the tensors of modules. */
import { checkOptions, shown } from '../../errors/check'
import { MbconvError } from '../../errors/error'
import type { Device, DType, MemoryFormat } from '../../native/types'
import { keep, scope } from '../../tensor/core/scope'
import type { Tensor } from '../../tensor/core/tensor'

/** The properties that {@link Module.to} changes. Those left out stay unchanged. */
export interface MoveOptions {
  /** Where the tensors go. */
  device?: Device
  /** A floating-point type. Applies to floating-point tensors; batch counters stay int64. */
  dtype?: DType
  /** Applies to 4-d tensors, the weights of convolutions. */
  memoryFormat?: MemoryFormat
}

const FLOATS: readonly DType[] = ['float32', 'float64', 'float16', 'bfloat16']

/**
 * Replaces the tensors in these maps by moved ones, and disposes those that were replaced. A tensor that occurs several
 * times moves once.
 *
 * @param replaced is called for each replacement
 * @throws MbconvError as `Module.to`; nothing has changed then
 */
export function moveTensors(
  places: readonly Map<string, Tensor | null>[],
  options: MoveOptions,
  replaced: (from: Tensor, to: Tensor) => void,
): void {
  const op = 'Module.to'
  checkOptions(op, options, ['device', 'dtype', 'memoryFormat'])
  const { device, dtype, memoryFormat } = options
  if (dtype !== undefined && !FLOATS.includes(dtype)) {
    throw new MbconvError('ERR_TYPE', `${op}: dtype must be one of ${FLOATS.join(', ')}, got ${shown(dtype)}`, { op })
  }
  const moved = new Map<Tensor, Tensor>()
  try {
    for (const from of places.flatMap((tensors) => [...tensors.values()])) {
      if (from === null || moved.has(from)) continue
      const change = {
        device: device === from.device ? undefined : device,
        dtype: dtype === from.dtype || !FLOATS.includes(from.dtype) ? undefined : dtype,
        memoryFormat: from.ndim !== 4 || from.memoryFormat === memoryFormat ? undefined : memoryFormat,
      }
      if (Object.values(change).every((value) => value === undefined)) continue
      const to = scope(() => keep(from.detach().to(change).requiresGrad_(from.requiresGrad)))
      moved.set(from, to)
    }
  } catch (error) {
    for (const to of moved.values()) to.dispose()
    throw error
  }
  for (const tensors of places) {
    for (const [name, from] of tensors) {
      const to = from === null ? undefined : moved.get(from)
      if (from === null || to === undefined) continue
      tensors.set(name, to)
      replaced(from, to)
    }
  }
  for (const from of moved.keys()) from.dispose()
}
