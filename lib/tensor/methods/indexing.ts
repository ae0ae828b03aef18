/** NumPy-style indexing, resolved into views and (for index tensors and masks) one gather. */
import { MbconvError } from '../../errors/error'
import { native } from '../../native/addon'
import type { Tensor } from '../../native/types'

/** A range of indices: `{ start: 1, end: 3 }` is Python's `1:3`. */
export interface Slice {
  /** The first index; a negative one counts from the end. Default 0. */
  start?: number
  /** The index behind the last one; a negative one counts from the end. Default: the size. */
  end?: number
  /** Distance between two indices, at least 1. Default 1. */
  step?: number
}

/** One entry of `t.index(…)`; see there. */
export type IndexPart = number | Slice | ':' | '...' | null | Tensor

/**
 * Applies numbers, slices and new dimensions as views.
 *
 * @returns The view, and for each of its leading dimensions the index tensor to apply there, or null. The list is empty
 *   without any index tensor.
 */
export function resolveIndex(t: Tensor, parts: IndexPart[]): { view: Tensor; tensors: (Tensor | null)[] } {
  const expanded = expandEllipsis(t, parts)
  const tensors: (Tensor | null)[] = []
  let view = t
  let dim = 0
  // Each step makes a new handle, so the previous one is disposed.
  const advance = (next: Tensor) => {
    if (view !== t) view.dispose()
    view = next
  }
  for (const part of expanded) {
    if (typeof part === 'number') {
      advance(native().select(view, dim, part))
    } else if (part === null) {
      advance(native().unsqueeze(view, dim))
      tensors[dim++] = null
    } else if (part === ':') {
      tensors[dim++] = null
    } else if (native().isTensor(part)) {
      tensors[dim] = part as Tensor
      // A mask indexes as many dimensions as it has.
      dim += (part as Tensor).dtype === 'bool' ? (part as Tensor).ndim : 1
    } else if (typeof part === 'object') {
      const { start, end, step = 1 } = part as Slice
      advance(native().slice(view, dim, start, end, step))
      tensors[dim++] = null
    } else {
      throw new MbconvError('ERR_TYPE', `index: cannot index with ${typeof part} ${String(part)}`, { op: 'index' })
    }
  }
  if (!tensors.some((entry) => entry)) return { view, tensors: [] }
  // A mask over several dimensions leaves holes in the list; its own entry covers them.
  return { view, tensors: tensors.filter((entry) => entry !== undefined) }
}

/** `t.index(…)`. */
export function indexTensor(t: Tensor, parts: IndexPart[]): Tensor {
  const { view, tensors } = resolveIndex(t, parts)
  if (tensors.length === 0) return view === t ? native().slice(t, 0, null, null, 1) : view
  const result = native().index(view, tensors)
  if (view !== t) view.dispose()
  return result
}

function expandEllipsis(t: Tensor, parts: IndexPart[]): IndexPart[] {
  const used = parts.reduce<number>((sum, part) => {
    if (part === null || part === '...') return sum
    if (native().isTensor(part) && (part as Tensor).dtype === 'bool') return sum + (part as Tensor).ndim
    return sum + 1
  }, 0)
  const ellipses = parts.filter((part) => part === '...').length
  if (used > t.ndim || ellipses > 1) {
    const why = ellipses > 1 ? "'...' may stand once only" : `${used} indices for ${t.ndim} dimensions`
    throw new MbconvError('ERR_INDEX', `index: ${why}`, { op: 'index' })
  }
  if (ellipses === 0) return parts
  return parts.flatMap((part) => (part === '...' ? new Array<IndexPart>(t.ndim - used).fill(':') : [part]))
}
