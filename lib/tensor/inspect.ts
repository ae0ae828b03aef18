/** How a tensor looks in console.log and the REPL. */
import type { Tensor } from './tensor'
import type { Element, NestedArray } from './types'

/** Elements shown at each end of a long dimension, and the size from which on a tensor is summarised. */
const EDGE = 3
const SUMMARISE_FROM = 200

export function inspectTensor(t: Tensor): string {
  if (t.isDisposed) return 'Tensor (disposed)'
  const extras = [t.device === 'cpu' ? '' : ` ${t.device}`, t.requiresGrad ? ' requiresGrad' : ''].join('')
  const head = `Tensor ${t.dtype}[${t.shape.join(', ')}]${extras}`
  if (t.numel === 0) return head
  const text = format(t.toArray(), t.numel >= SUMMARISE_FROM, 0)
  return `${head}${text.includes('\n') ? '\n' : ' '}${text}`
}

function format(value: NestedArray<Element>, summarise: boolean, depth: number): string {
  if (!Array.isArray(value)) return formatElement(value)
  const shown =
    summarise && value.length > 2 * EDGE
      ? [
          ...value.slice(0, EDGE).map((row) => format(row, summarise, depth + 1)),
          '…',
          ...value.slice(-EDGE).map((row) => format(row, summarise, depth + 1)),
        ]
      : value.map((row) => format(row, summarise, depth + 1))
  const separator = Array.isArray(value[0]) ? `,\n${' '.repeat(depth + 1)}` : ', '
  return `[${shown.join(separator)}]`
}

function formatElement(value: Element): string {
  if (typeof value !== 'number' || Number.isInteger(value)) return String(value)
  return String(Number(value.toPrecision(5)))
}
