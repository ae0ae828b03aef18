/** Loads saved state by copying it into existing tensors. */
import { listed } from '../errors/check'
import { MbconvError } from '../errors/error'
import { noGrad } from '../tensor/core/autograd'
import { Tensor } from '../tensor/core/tensor'

/** Copies `from` into the tensors of `into`, after checking that names, shapes and dtypes agree. */
export function copyState(op: string, into: Record<string, Tensor>, from: Record<string, Tensor>): void {
  const missing = Object.keys(into).filter((name) => !Object.hasOwn(from, name))
  if (missing.length > 0) throw new MbconvError('ERR_VALUE', `${op}: missing ${listed(missing, { most: 3 })}`, { op })
  const left = Object.keys(from).filter((name) => !Object.hasOwn(into, name))
  if (left.length > 0) throw new MbconvError('ERR_VALUE', `${op}: unknown ${listed(left, { most: 3 })}`, { op })
  for (const [name, target] of Object.entries(into)) {
    const source = from[name]
    if (!(source instanceof Tensor)) throw new MbconvError('ERR_TYPE', `${op}: ${name} is not a tensor`, { op })
    if (source.shape.join() !== target.shape.join()) {
      throw new MbconvError('ERR_SHAPE', `${op}: ${name} has shape [${source.shape}], not [${target.shape}]`, { op })
    }
    if (source.dtype !== target.dtype) {
      throw new MbconvError('ERR_TYPE', `${op}: ${name} is ${source.dtype}, not ${target.dtype}`, { op })
    }
  }
  noGrad(() => {
    for (const [name, target] of Object.entries(into)) target.copy_(from[name])
  })
}
