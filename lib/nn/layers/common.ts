/** What the layers share: initial values, checks of sizes, and the shapes of inputs. */
import { checkCount, checkOneOf, shown } from '../../errors/check'
import { MbconvError } from '../../errors/error'
import { noGrad } from '../../tensor/core/autograd'
import { empty } from '../../tensor/core/create'
import { Tensor } from '../../tensor/core/tensor'
import { kaimingUniform_ } from '../init'
import type { Sizes } from '../sizes'

/**
 * Initial weights of a layer. `torch`: PyTorch's, with the same random numbers. `none`: the memory stays uninitialised,
 * for weights to be loaded.
 */
export type TorchInit = 'torch' | 'none'

/** `paper` draws the initial weights of EfficientNet's reference code (see ./paper-init). */
export type Init = TorchInit | 'paper'

export function checkSize(op: string, name: string, value: unknown, min = 1): asserts value is number {
  checkCount(op, name, value, { min, max: 2 ** 31 - 1 })
}

/** Checks a size of a layer of so many dimensions and spreads it over them. */
export function spreadSize(op: string, name: string, value: unknown, dimensions: number, min = 1): number[] {
  const list = Array.isArray(value) ? value : new Array(dimensions).fill(value)
  if (list.length !== dimensions) {
    const message = `${op}: ${name} must be a number or ${dimensions} numbers, got ${list.length}`
    throw new MbconvError('ERR_VALUE', message, { op })
  }
  for (const each of list) checkSize(op, name, each, min)
  return [...list]
}

/** Checks a size and returns it as it was given, for layers that show it so. */
export function givenSize(op: string, name: string, value: Sizes, dimensions: number, min = 1): Sizes {
  const list = spreadSize(op, name, value, dimensions, min)
  return Array.isArray(value) ? list : value
}

export function checkInit(op: string, init: unknown, known: readonly Init[]): void {
  checkOneOf(op, 'init', init, known)
}

export function checkFlag(op: string, name: string, value: unknown): asserts value is boolean {
  if (typeof value === 'boolean') return
  throw new MbconvError('ERR_TYPE', `${op}: ${name} must be true or false, got ${shown(value)}`, { op })
}

/** The names of the dimensions after [N, C]. */
const SPACE = ['', 'L', 'H, W', 'D, H, W']

/** The shape of a batch [N, C, …] with so many dimensions after the channels. */
export function batchShape(op: string, x: unknown, dimensions: number): number[] {
  if (!(x instanceof Tensor)) throw new MbconvError('ERR_TYPE', `${op}: expected a Tensor, got ${shown(x)}`, { op })
  const shape = x.shape
  if (shape.length === dimensions + 2) return shape
  const what = dimensions === 2 ? 'images are' : 'inputs are'
  const message = `${op}: ${what} [N, C, ${SPACE[dimensions]}], got [${shape.join(', ')}]`
  throw new MbconvError('ERR_SHAPE', message, { op })
}

/**
 * PyTorch's initial weights of linear and convolutional layers: uniform within ±1/√fan, where fan is the number of
 * inputs of an output. Source: torch 2.13, nn/modules/linear.py and conv.py (`reset_parameters`).
 *
 * @param shape of the weight
 * @param outputs size of the bias, 0 for none
 */
export function torchWeights(shape: number[], outputs: number): { weight: Tensor; bias: Tensor | null } {
  const weight = kaimingUniform_(empty(shape), { a: Math.sqrt(5) })
  if (outputs === 0) return { weight, bias: null }
  const fan = shape.slice(1).reduce((product, size) => product * size, 1)
  const bound = fan === 0 ? 0 : 1 / Math.sqrt(fan)
  return { weight, bias: noGrad(() => empty([outputs]).uniform_(-bound, bound)) }
}
