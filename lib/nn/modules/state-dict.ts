/** Loading of a state dict into the tensors of a module. */
import { checkOptions, listed } from '../../errors/check'
import { MbconvError } from '../../errors/error'
import { noGrad } from '../../tensor/core/autograd'
import { Tensor } from '../../tensor/core/tensor'

export function checkTensor(op: string, name: string, value: unknown): asserts value is Tensor {
  if (value instanceof Tensor) return
  throw new MbconvError('ERR_TYPE', `${op}: ${name} is not a tensor`, { op })
}

/** What loading a state dict asks for. */
export interface LoadOptions {
  /** False skips keys that only one side has; shapes must match all the same. Default true. */
  strict?: boolean
}

/** The keys that loading has skipped. */
export interface Skipped {
  /** Keys of the module that the dict lacks. */
  missing: string[]
  /** Keys of the dict that the module lacks. */
  unexpected: string[]
}

/** Copies the tensors of `dict` into those of `own`; see `Module.loadStateDict`. */
export function loadInto(own: Record<string, Tensor>, dict: Record<string, Tensor>, options: LoadOptions): Skipped {
  const op = 'loadStateDict'
  if (typeof dict !== 'object' || dict === null) {
    throw new MbconvError('ERR_TYPE', `${op}: expected an object of tensors by key`, { op })
  }
  checkOptions(op, options, ['strict'])
  const { strict = true } = options
  const keys = Object.keys(own)
  const missing = keys.filter((key) => !Object.hasOwn(dict, key))
  const unexpected = Object.keys(dict).filter((key) => !Object.hasOwn(own, key))
  const shared = keys.filter((key) => Object.hasOwn(dict, key))
  const misfits: string[] = []
  for (const key of shared) {
    const value = dict[key]
    checkTensor(op, key, value)
    if (value.isDisposed) throw new MbconvError('ERR_DISPOSED', `${op}: ${key} has been disposed`, { op })
    const [has, wants] = [value.shape.join(', '), own[key].shape.join(', ')]
    if (has !== wants) misfits.push(`${key}: [${has}] given, [${wants}] here`)
  }
  const problems = [
    ...(strict && missing.length > 0 ? [`missing keys: ${listed(missing, { most: 8 })}`] : []),
    ...(strict && unexpected.length > 0 ? [`unknown keys: ${listed(unexpected, { most: 8 })}`] : []),
    ...(misfits.length > 0 ? [`shapes that differ: ${listed(misfits, { most: 8, separator: '; ' })}`] : []),
  ]
  if (problems.length > 0) {
    const onlyShapes = problems.length === 1 && misfits.length > 0
    throw new MbconvError(onlyShapes ? 'ERR_SHAPE' : 'ERR_VALUE', `${op}: ${problems.join('\n  ')}`, {
      op,
      hint: 'The weights must come from the same architecture with the same number of classes and channels.',
    })
  }
  noGrad(() => {
    for (const key of shared) own[key].copy_(dict[key])
  })
  return { missing, unexpected }
}
