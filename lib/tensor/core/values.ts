/** Tensors where JavaScript expects numbers, texts, lists or JSON. */
import { MbconvError } from '../../errors/error'
import { native } from '../../native/addon'
import type { Element, NestedArray } from '../../native/types'
import { inspectTensor } from './inspect'
import type { Tensor } from './tensor'

/**
 * Functions that clone an object read all its own properties, so they meet the error of this getter. An object that all
 * tensors share costs them nothing.
 */
export const UNCLONEABLE: object = Object.freeze({
  get tensor(): never {
    throw new MbconvError('ERR_TYPE', 'structuredClone: a tensor cannot be cloned', {
      op: 'structuredClone',
      hint: 'threads.send(t) gives it to another thread, clone() copies it, and toTypedArray() copies its elements',
    })
  },
})

/** The slices along the first dimension, made as they are asked for. */
export function rowsOf(t: Tensor): IterableIterator<Tensor> {
  const { shape } = t
  if (shape.length === 0) {
    throw new MbconvError('ERR_SHAPE', 'iteration: a tensor without dimensions has no slices', {
      op: 'iteration',
      hint: 'item() gives its element',
    })
  }
  return slices(t, shape[0])
}

function* slices(t: Tensor, length: number): IterableIterator<Tensor> {
  for (let i = 0; i < length; i++) yield native().select(t, 0, i)
}

export function toPrimitive(t: Tensor, hint: string): string | Element {
  if (hint === 'string') return inspectTensor(t)
  if (hint === 'number' || t.numel === 1) return t.item()
  throw new MbconvError('ERR_TYPE', `an operator of JavaScript cannot take a tensor of ${t.numel} elements`, {
    op: 'toPrimitive',
    hint: 'a.add(b), a.eq(b) … compute with tensors, and String(t) gives the text',
  })
}

export function toJson(t: Tensor): NestedArray<Element> {
  const values = t.toArray()
  if (t.dtype === 'int64') refuseBigInts(values)
  return values
}

/** JSON has no integers beyond 2^53. JSON.stringify would throw an error without a code. */
function refuseBigInts(values: NestedArray<Element>): void {
  if (Array.isArray(values)) for (const value of values) refuseBigInts(value)
  else if (typeof values === 'bigint') {
    throw new MbconvError('ERR_VALUE', `toJSON: ${values} is no exact number in JSON`, {
      op: 'toJSON',
      hint: 'toArray() gives BigInts, which can be written as texts',
    })
  }
}
