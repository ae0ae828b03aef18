/** How console.log, the REPL and texts show a tensor. */
import { native } from '../../native/addon'
import type { DType, Element, Layout, NestedArray } from '../../native/types'
import { nest } from './nested'
import type { Tensor } from './tensor'

/** Elements shown at each end of a long dimension, and the number of elements from which on a tensor is summarised. */
const EDGE = 3
const SUMMARISE_FROM = 200

/** The tensors that a sparse layout consists of: libtorch's operators that give them, and their names here. */
const PARTS: Partial<Record<Layout, [operator: string, name: string][]>> = {
  sparseCoo: [
    ['aten::_indices', 'indices'],
    ['aten::_values', 'values'],
  ],
  sparseCsr: [
    ['aten::crow_indices', 'crowIndices'],
    ['aten::col_indices', 'colIndices'],
    ['aten::values', 'values'],
  ],
  sparseCsc: [
    ['aten::ccol_indices', 'ccolIndices'],
    ['aten::row_indices', 'rowIndices'],
    ['aten::values', 'values'],
  ],
}
PARTS.sparseBsr = PARTS.sparseCsr
PARTS.sparseBsc = PARTS.sparseCsc

export function inspectTensor(t: Tensor): string {
  if (t.isDisposed) return 'Tensor (disposed)'
  const { layout } = t
  const extras = [layout, t.device, t.requiresGrad ? 'requiresGrad' : '']
    .filter((extra) => !['', 'strided', 'cpu'].includes(extra))
    .map((extra) => ` ${extra}`)
  const head = `Tensor ${t.dtype}[${t.shape.join(', ')}]${extras.join('')}`
  if (layout !== 'strided') return [head, ...sparseParts(t, layout)].join('\n')
  if (t.numel === 0) return head
  const text = elementsOf(t)
  return `${head}${text.includes('\n') ? '\n' : ' '}${text}`
}

/** A line with the name of each tensor inside a sparse one, followed by it. */
function sparseParts(t: Tensor, layout: Layout): string[] {
  const addon = native()
  addon.enterScope()
  try {
    return (PARTS[layout] ?? []).map(([operator, name]) => {
      const part = addon.callOp(operator, [addon.detach(t)]) as Tensor
      return `${name}: ${inspectTensor(part)}`
    })
  } finally {
    addon.exitScope([])
  }
}

/** The elements, row by row. Reads only the ends of long dimensions: a tensor may be larger than the heap. */
function elementsOf(t: Tensor): string {
  const { shape, dtype } = t
  // Dimensions shown by their ends only.
  const cut = shape.map((size) => t.numel >= SUMMARISE_FROM && size > 2 * EDGE)
  const addon = native()
  addon.enterScope()
  try {
    let part = addon.detach(t)
    for (const [dim, size] of shape.entries()) {
      if (!cut[dim]) continue
      part = addon.cat(
        [0, size - EDGE].map((start) => addon.narrow(part, dim, start, EDGE)),
        dim,
      )
    }
    const isComplex = dtype.startsWith('complex')
    if (isComplex) part = addon.viewAsReal(addon.resolveConj(part))
    const real = isComplex ? part.dtype : dtype
    const show = isComplex
      ? (pair: NestedArray<Element>) => formatComplex(pair as [number, number], real)
      : (value: NestedArray<Element>) => formatElement(value as Element, real)
    return format(nest(addon.toTypedArray(part), part.shape, real), { cut, show }, 0)
  } finally {
    addon.exitScope([])
  }
}

interface Form {
  cut: boolean[]
  show: (element: NestedArray<Element>) => string
}

function format(value: NestedArray<Element>, form: Form, depth: number): string {
  if (depth === form.cut.length) return form.show(value)
  const shown = (value as NestedArray<Element>[]).map((row) => format(row, form, depth + 1))
  if (form.cut[depth]) shown.splice(EDGE, 0, '…')
  const separator = depth + 1 < form.cut.length ? `,\n${' '.repeat(depth + 1)}` : ', '
  return `[${shown.join(separator)}]`
}

/** Integers in full; other numbers with four digits after the point, as PyTorch, or five digits if they are small. */
function formatElement(value: Element, dtype: DType): string {
  if (typeof value !== 'number') return String(value)
  if (Object.is(value, -0)) return '-0'
  if (!Number.isFinite(value)) return String(value)
  const magnitude = Math.abs(value)
  if (Number.isInteger(value)) {
    // Beyond 2^53 the digits of a float32 are those of its nearest float64: nine of them determine it.
    const exact = magnitude <= Number.MAX_SAFE_INTEGER || dtype === 'float64'
    return String(exact ? value : Number(value.toPrecision(9)))
  }
  const before = Math.max(1, Math.floor(Math.log10(magnitude)) + 1)
  return String(Number(value.toPrecision(Math.min(17, before + 4))))
}

/** `1+2j`, as PyTorch writes complex numbers. */
function formatComplex([real, imaginary]: [number, number], dtype: DType): string {
  const second = formatElement(imaginary, dtype)
  return `${formatElement(real, dtype)}${second.startsWith('-') ? '' : '+'}${second}j`
}
