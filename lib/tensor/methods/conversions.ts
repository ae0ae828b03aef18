/** Methods of Tensor that convert it, and that make other tensors of its kind. */
import { MbconvError } from '../../errors/error'
import { native } from '../../native/addon'
import type { Device, DType, Element, Tensor, TensorOptions } from '../../native/types'
import { Parts } from './parts'

/** Whether elements of a dtype are real numbers with a fraction. */
const isFloat = (dtype: DType): boolean => dtype.startsWith('float') || dtype === 'bfloat16'

/** A base class of Tensor; see {@link Arithmetic}. */
export abstract class Conversions extends Parts {
  // --- to another dtype or device: as `to()`, shares memory if nothing has to change ---------------------------------

  /** The same elements as float32. */
  float(this: Tensor): Tensor {
    return this.to({ dtype: 'float32' })
  }
  /** The same elements as float64. */
  double(this: Tensor): Tensor {
    return this.to({ dtype: 'float64' })
  }
  /** The same elements as float16. */
  half(this: Tensor): Tensor {
    return this.to({ dtype: 'float16' })
  }
  /** The same elements as bfloat16. */
  bfloat16(this: Tensor): Tensor {
    return this.to({ dtype: 'bfloat16' })
  }
  /** The same elements as int64, rounded towards 0. */
  long(this: Tensor): Tensor {
    return this.to({ dtype: 'int64' })
  }
  /** The same elements as int32, rounded towards 0. */
  int(this: Tensor): Tensor {
    return this.to({ dtype: 'int32' })
  }
  /** The same elements as int16, rounded towards 0. */
  short(this: Tensor): Tensor {
    return this.to({ dtype: 'int16' })
  }
  /** The same elements as int8, rounded towards 0. */
  char(this: Tensor): Tensor {
    return this.to({ dtype: 'int8' })
  }
  /** The same elements as uint8, rounded towards 0. */
  byte(this: Tensor): Tensor {
    return this.to({ dtype: 'uint8' })
  }
  /** Whether each element differs from 0. */
  bool(this: Tensor): Tensor {
    return this.to({ dtype: 'bool' })
  }
  /** The same elements in host memory. Waits for the device. */
  cpu(this: Tensor): Tensor {
    return this.to({ device: 'cpu' })
  }
  /**
   * The same elements on a GPU: the current one, or the one of this number.
   *
   * @throws MbconvError ERR_CUDA_UNAVAILABLE with the reason, without a GPU
   */
  cuda(this: Tensor, device?: number): Tensor {
    return this.to({ device: device === undefined ? 'cuda' : `cuda:${device}` })
  }
  /** The same elements with the other tensor's dtype, on its device. */
  typeAs(this: Tensor, other: Tensor): Tensor {
    return this.to({ dtype: other.dtype, device: other.device })
  }

  // --- to another tensor's shape -------------------------------------------------------------------------------------

  /** {@link view} with the other tensor's shape. */
  viewAs(this: Tensor, other: Tensor): Tensor {
    return native().view(this, other.shape)
  }
  /** {@link reshape} to the other tensor's shape. */
  reshapeAs(this: Tensor, other: Tensor): Tensor {
    return native().reshape(this, other.shape)
  }
  /** {@link expand} to the other tensor's shape. */
  expandAs(this: Tensor, other: Tensor): Tensor {
    return native().expand(this, other.shape)
  }

  // --- new tensors of this dtype, on this device ---------------------------------------------------------------------

  /** Zeros of the given shape, with this tensor's dtype and device unless others are given. */
  newZeros(this: Tensor, shape: number[], options: TensorOptions = {}): Tensor {
    const { dtype, device, requiresGrad } = kindOf(this, options)
    return native().zeros(shape, dtype, device, requiresGrad)
  }
  /** Ones of the given shape, with this tensor's dtype and device unless others are given. */
  newOnes(this: Tensor, shape: number[], options: TensorOptions = {}): Tensor {
    return this.newFull(shape, 1, options)
  }
  /** One value in the given shape, with this tensor's dtype and device unless others are given. */
  newFull(this: Tensor, shape: number[], value: Element, options: TensorOptions = {}): Tensor {
    const { dtype, device, requiresGrad } = kindOf(this, options)
    return native().full(shape, value, dtype, device, requiresGrad)
  }
  /** Uninitialised memory of the given shape, with this tensor's dtype and device unless others are given. */
  newEmpty(this: Tensor, shape: number[], options: TensorOptions = {}): Tensor {
    const { dtype, device, requiresGrad } = kindOf(this, options)
    return native().empty(shape, dtype, device, requiresGrad)
  }

  // --- what it is, under PyTorch's names -----------------------------------------------------------------------------

  /** Number of dimensions: {@link ndim}. */
  dim(this: Tensor): number {
    return this.ndim
  }
  /** The shape, or one of its sizes. A negative `dim` counts from the end. */
  size(this: Tensor): number[]
  size(this: Tensor, dim: number): number
  size(this: Tensor, dim?: number): number | number[] {
    const { shape } = this
    if (dim === undefined) return shape
    const size = shape.at(dim)
    if (size === undefined || !Number.isInteger(dim)) {
      throw new MbconvError('ERR_INDEX', `size: no dimension ${dim} in ${shape.length}`, { op: 'size' })
    }
    return size
  }
  /** Whether its elements are real numbers with a fraction: float32, float64, float16 or bfloat16. */
  isFloatingPoint(this: Tensor): boolean {
    return isFloat(this.dtype)
  }
  /** Whether its elements are complex numbers. */
  isComplex(this: Tensor): boolean {
    return this.dtype.startsWith('complex')
  }
  /** Bytes of one element. */
  elementSize(this: Tensor): number {
    return ELEMENT_SIZE[this.dtype]
  }
}

const ELEMENT_SIZE: Record<DType, number> = {
  ...{ float32: 4, float64: 8, float16: 2, bfloat16: 2 },
  ...{ int64: 8, int32: 4, int16: 2, int8: 1, uint8: 1, bool: 1 },
  ...{ complex64: 8, complex128: 16 },
}

interface Kind {
  dtype: DType
  device: Device
  requiresGrad: boolean
}

function kindOf(t: Tensor, { dtype = t.dtype, device = t.device, requiresGrad = false }: TensorOptions): Kind {
  return { dtype, device, requiresGrad }
}
