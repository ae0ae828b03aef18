/** Methods of Tensor: other names of shapes and products, changes of shape in place, and sparse tensors. */
import { native } from '../../native/addon'
import type { Tensor } from '../../native/types'
import { Complex } from './complex'

/** Factors on the parts of a sum. */
export interface ProductOptions {
  /** Factor on the tensor that is added. Default 1. */
  beta?: number
  /** Factor on the product. Default 1. */
  alpha?: number
}

/** A base class of Tensor; see {@link Arithmetic}. */
export abstract class Forms extends Complex {
  // --- shape ---------------------------------------------------------------------------------------------------------

  /** {@link transpose} under NumPy's name. */
  swapaxes(this: Tensor, axis0: number, axis1: number): Tensor {
    return native().transpose(this, axis0, axis1)
  }
  /** {@link transpose} under another name of PyTorch's. */
  swapdims(this: Tensor, dim0: number, dim1: number): Tensor {
    return native().transpose(this, dim0, dim1)
  }
  /** All elements in one dimension: {@link flatten} under NumPy's name. */
  ravel(this: Tensor): Tensor {
    return native().flatten(this, 0, -1)
  }
  /** {@link unsqueeze} in place. */
  unsqueeze_(this: Tensor, dim: number): Tensor {
    native().unsqueeze_(this, dim)
    return this
  }
  /** {@link squeeze} in place. */
  squeeze_(this: Tensor, dim?: number): Tensor {
    native().squeeze_(this, dim)
    return this
  }
  /** {@link transpose} in place. */
  transpose_(this: Tensor, dim0: number, dim1: number): Tensor {
    native().transpose_(this, dim0, dim1)
    return this
  }

  // --- products ------------------------------------------------------------------------------------------------------

  /** Matrix [n, k] × matrix [k, m]. {@link matmul} also takes batches and vectors. */
  mm(this: Tensor, other: Tensor): Tensor {
    return native().mm(this, other)
  }
  /** β·this + α·(left × right), matrices. */
  addmm(this: Tensor, left: Tensor, right: Tensor, options: ProductOptions = {}): Tensor {
    const { beta = 1, alpha = 1 } = options
    return native().addmm(this, left, right, beta, alpha)
  }
  /** β·this + α·(left × right), batches of matrices. */
  baddbmm(this: Tensor, left: Tensor, right: Tensor, options: ProductOptions = {}): Tensor {
    const { beta = 1, alpha = 1 } = options
    return native().baddbmm(this, left, right, beta, alpha)
  }

  // --- sparse tensors, which hold only the elements that are not 0 ---------------------------------------------------

  /** A sparse tensor (coordinates and values) with these elements. */
  toSparse(this: Tensor): Tensor {
    return native().toSparse(this)
  }
  /** A tensor that holds every element. One that does so already stays as it is. */
  toDense(this: Tensor): Tensor {
    return native().toDense(this)
  }
  /** Sorts a sparse tensor's coordinates and adds the values of equal ones. */
  coalesce(this: Tensor): Tensor {
    return native().coalesce(this)
  }
  /** The coordinates of a coalesced sparse tensor: int64 [dimensions, values]. */
  indices(this: Tensor): Tensor {
    return native().sparseIndices(this)
  }
  /** The values of a coalesced sparse tensor, in the order of {@link indices}. */
  values(this: Tensor): Tensor {
    return native().sparseValues(this)
  }
}
