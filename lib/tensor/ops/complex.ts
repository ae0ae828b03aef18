/** Complex tensors from real ones, and back. */
import { native } from '../../native/addon'
import type { Tensor } from '../core/tensor'

/** real + i · imag, from two tensors of one shape: complex64 from float32, complex128 from float64. */
export function complex(real: Tensor, imag: Tensor): Tensor {
  return native().complex(real, imag)
}

/** abs · (cos angle + i · sin angle), from two tensors of one shape: complex64 from float32, complex128 from float64. */
export function polar(abs: Tensor, angle: Tensor): Tensor {
  return native().polar(abs, angle)
}

/** The real and imaginary parts of a complex tensor in a new last dimension of size 2. A view. */
export function viewAsReal(t: Tensor): Tensor {
  return native().viewAsReal(t)
}

/** The reverse of {@link viewAsReal}: a last dimension of size 2 becomes complex numbers. A view. */
export function viewAsComplex(t: Tensor): Tensor {
  return native().viewAsComplex(t)
}
