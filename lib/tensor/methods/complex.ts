/** Methods of Tensor: complex numbers. */
import { native } from '../../native/addon'
import type { Tensor } from '../../native/types'
import { Numeric } from './numeric'

/** A base class of Tensor; see {@link Arithmetic}. */
export abstract class Complex extends Numeric {
  // --- complex numbers -----------------------------------------------------------------------------------------------

  /** Complex conjugate. A view of a complex tensor; a real one stays as it is. */
  conj(this: Tensor): Tensor {
    return native().conj(this)
  }
  /** The same elements with the conjugation of {@link conj} carried out in memory. */
  resolveConj(this: Tensor): Tensor {
    return native().resolveConj(this)
  }
  /** The angle of each element in the complex plane, in (−π, π]. */
  angle(this: Tensor): Tensor {
    return native().angle(this)
  }
  /** x / |x|, 0 at 0. For real numbers {@link sign}. */
  sgn(this: Tensor): Tensor {
    return native().sgn(this)
  }
  /** Whether the imaginary part of each element is 0: bool. */
  isreal(this: Tensor): Tensor {
    return native().isreal(this)
  }
}
