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
export type IndexPart = number | Slice | ':' | '...' | null | Tensor | number[] | boolean[]

/**
 * Applies numbers, slices and new dimensions as views.
 *
 * @returns The view, and for each of its leading dimensions the index tensor to apply there, or null. The list is empty
 *   without any index tensor.
 */
function resolveIndex(t: Tensor, parts: IndexPart[]): { view: Tensor; tensors: (Tensor | null)[] } {
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

/** The index tensor of a list: int64 of numbers, a mask of booleans. */
function listTensor(list: number[] | boolean[]): Tensor {
  const kind = typeof (list[0] ?? 0)
  if (list.every((each) => typeof each === kind)) {
    if (kind === 'boolean') return native().fromTypedArray(Uint8Array.from(list, Number), [list.length], 'bool', 'cpu')
    if (list.every(Number.isInteger))
      return native().fromTypedArray(BigInt64Array.from(list as number[], BigInt), [list.length], 'int64', 'cpu')
  }
  throw new MbconvError('ERR_TYPE', 'index: a list holds whole numbers or booleans only', { op: 'index' })
}

/** Calls `use` with the view and the index tensors of `parts` (see {@link resolveIndex}), and frees them. */
export function indexed<T>(t: Tensor, parts: IndexPart[], use: (view: Tensor, tensors: (Tensor | null)[]) => T): T {
  const made: Tensor[] = []
  try {
    const given = parts.map((part) => {
      if (!Array.isArray(part)) return part
      made.push(listTensor(part))
      return made.at(-1) as Tensor
    })
    const { view, tensors } = resolveIndex(t, given)
    const result = use(view, tensors)
    if (view !== t && view !== (result as unknown)) view.dispose()
    return result
  } finally {
    for (const tensor of made) tensor.dispose()
  }
}

/** `t.index(…)`. */
export function indexTensor(t: Tensor, parts: IndexPart[]): Tensor {
  return indexed(t, parts, (view, tensors) => {
    if (tensors.length === 0) return view === t ? native().slice(t, 0, null, null, 1) : view
    return native().index(view, tensors)
  })
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
