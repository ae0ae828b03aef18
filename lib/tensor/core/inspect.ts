/** How console.log and the REPL show a tensor. */
import { native } from '../../native/addon'
import type { Element, NestedArray } from '../../native/types'
import { nest } from './nested'
import type { Tensor } from './tensor'

/** Elements shown at each end of a long dimension, and the number of elements from which on a tensor is summarised. */
const EDGE = 3
const SUMMARISE_FROM = 200

export function inspectTensor(t: Tensor): string {
  if (t.isDisposed) return 'Tensor (disposed)'
  const extras = [t.device === 'cpu' ? '' : ` ${t.device}`, t.requiresGrad ? ' requiresGrad' : ''].join('')
  const head = `Tensor ${t.dtype}[${t.shape.join(', ')}]${extras}`
  if (t.numel === 0) return head
  // Dimensions shown by their ends only.
  const cut = t.shape.map((size) => t.numel >= SUMMARISE_FROM && size > 2 * EDGE)
  let elements: NestedArray<Element>
  try {
    elements = shownElements(t, cut)
  } catch {
    return head // complex, sparse …: JavaScript has no array for such elements
  }
  const text = format(elements, cut, 0)
  return `${head}${text.includes('\n') ? '\n' : ' '}${text}`
}

/** Reads only the elements at the ends of the cut dimensions: a tensor may be larger than the heap. */
function shownElements(t: Tensor, cut: boolean[]): NestedArray<Element> {
  if (!cut.includes(true)) return t.toArray()
  const addon = native()
  addon.enterScope()
  try {
    let part = addon.detach(t)
    for (const [dim, size] of t.shape.entries()) {
      if (!cut[dim]) continue
      part = addon.cat(
        [0, size - EDGE].map((start) => addon.narrow(part, dim, start, EDGE)),
        dim,
      )
    }
    return nest(addon.toTypedArray(part), part.shape, t.dtype)
  } finally {
    addon.exitScope([])
  }
}

function format(value: NestedArray<Element>, cut: boolean[], depth: number): string {
  if (!Array.isArray(value)) return formatElement(value)
  const shown = value.map((row) => format(row, cut, depth + 1))
  if (cut[depth]) shown.splice(EDGE, 0, '…')
  const separator = Array.isArray(value[0]) ? `,\n${' '.repeat(depth + 1)}` : ', '
  return `[${shown.join(separator)}]`
}

function formatElement(value: Element): string {
  if (typeof value !== 'number' || Number.isInteger(value)) return String(value)
  return String(Number(value.toPrecision(5)))
}
