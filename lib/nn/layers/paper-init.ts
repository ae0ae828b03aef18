/**
 * The initial weights of EfficientNet's layers. Source: tensorflow/tpu@7dc921f
 * models/official/efficientnet/efficientnet_model.py (`conv_kernel_initializer`, `dense_kernel_initializer`).
 */
import type { Tensor } from '../../tensor/core/tensor'

/**
 * Convolution weight [O, I / groups, kh, kw]: normal with variance 2 / (kh·kw·O / groups), so that a depthwise kernel
 * has 2 / (kh·kw). Not truncated, as in the reference.
 */
export function initConv(weight: Tensor, groups = 1): Tensor {
  const [outputs, , height, width] = weight.shape
  return weight.normal_(0, Math.sqrt((2 * groups) / (outputs * height * width)))
}

/** Linear weight [classes, features]: uniform within ±1/√classes. */
export function initLinear(weight: Tensor): Tensor {
  const bound = 1 / Math.sqrt(weight.shape[0])
  return weight.uniform_(-bound, bound)
}
