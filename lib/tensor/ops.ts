/** Operations on several tensors at once. */
import { native } from '../native'
import type { Operand } from './arithmetic'
import type { Tensor } from './tensor'

/** Joins along an existing dimension; the other sizes must agree. */
export function cat(tensors: Tensor[], dim = 0): Tensor {
  return native().cat(tensors, dim)
}

/** Joins along a new dimension; the shapes must agree. */
export function stack(tensors: Tensor[], dim = 0): Tensor {
  return native().stack(tensors, dim)
}

/** Where the condition holds the first, elsewhere the second, broadcast. */
export function where(condition: Tensor, input: Operand, other: Operand): Tensor {
  return native().where(condition, input, other)
}

/** Rows with a 1 at the class's index, int64 [.., classes]. */
export function oneHot(indices: Tensor, classes: number): Tensor {
  return native().oneHot(indices, classes)
}

/** True with the given probabilities (a tensor of numbers in [0, 1]), as 0 and 1 of their dtype. */
export function bernoulli(probabilities: Tensor): Tensor {
  return native().bernoulli(probabilities)
}
