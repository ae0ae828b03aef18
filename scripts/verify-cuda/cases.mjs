/*
 * The ops that are checked one by one: everything in the models, and the arithmetic around them. Images are [N, C, H,
 * W].
 */
import mb from 'mbconv'

const F = mb.nn.functional

/** Normal numbers, times `scale`, plus `shift`. Gradients are compared unless `grad` is false. */
const normal = (shape, { scale = 1, shift = 0, grad = true } = {}) => ({ shape, scale, shift, grad })
const fixed = (shape, options) => normal(shape, { ...options, grad: false })
/** At least 0.5. */
const positive = (shape, { grad = true } = {}) => ({ shape, positive: true, grad })
/** Class indices below `below`. */
const indices = (shape, below) => ({ shape, below, grad: false })
/** Probabilities along the last dimension. */
const probabilities = (shape) => ({ shape, probabilities: true, grad: false })

const image = normal([4, 32, 15, 15])
const depthwise = (kernel, options) => ({
  inputs: { x: image, weight: normal([32, 1, kernel, kernel]) },
  call: ({ x, weight }) => F.conv2d(x, weight, { padding: (kernel - 1) / 2, groups: 32, ...options }),
})
const conv = (x, weight, options) => ({
  inputs: { x, weight: normal(weight) },
  call: (t) => F.conv2d(t.x, t.weight, options),
})
const unary = (call, x = normal([5, 7, 11])) => ({ inputs: { x }, call: ({ x }) => call(x) })
const binary = (call, a = normal([5, 7, 11]), b = normal([7, 1])) => ({
  inputs: { a, b },
  call: ({ a, b }) => call(a, b),
})

const normStatistics = { mean: fixed([32]), variance: positive([32], { grad: false }) }
const norm = (training, options) => ({
  inputs: { x: normal([4, 32, 15, 15], { shift: 0.5 }), weight: positive([32]), bias: normal([32]), ...normStatistics },
  // The running statistics are written in place, so in training they are results too.
  call: ({ x, weight, bias, mean, variance }) => [
    F.batchNorm(x, { weight, bias, runningMean: mean, runningVar: variance, training, ...options }),
    mean,
    variance,
  ],
})
const entropy = (target, options) => ({
  inputs: { logits: normal([64, 10]), target },
  call: ({ logits, target }) => F.crossEntropy(logits, target, options),
})

/** Ops on images, checked in both memory layouts. */
const images = {
  'conv2d 1x1': conv(image, [96, 32, 1, 1]),
  'conv2d 1x1 with bias on 1x1 images': {
    inputs: { x: normal([8, 48, 1, 1]), weight: normal([12, 48, 1, 1]), bias: normal([12]) },
    call: ({ x, weight, bias }) => F.conv2d(x, weight, { bias }),
  },
  'conv2d 3x3 stride 2': conv(normal([4, 3, 32, 32]), [16, 3, 3, 3], { stride: 2, padding: 1 }),
  'conv2d 3x3': conv(image, [24, 32, 3, 3], { padding: 1 }),
  'conv2d 3x3 in 4 groups': conv(image, [24, 8, 3, 3], { padding: 1, groups: 4 }),
  'conv2d 3x3 dilated': conv(image, [24, 32, 3, 3], { padding: 2, dilation: 2 }),
  'conv2d depthwise 3x3': depthwise(3),
  'conv2d depthwise 3x3 stride 2': depthwise(3, { stride: 2 }),
  'conv2d depthwise 5x5': depthwise(5),
  'conv2d depthwise 5x5 stride 2': depthwise(5, { stride: 2 }),
  'conv2d depthwise, SAME padding on an even side': {
    inputs: { x: normal([4, 32, 16, 16]), weight: normal([32, 1, 3, 3]) },
    call: ({ x, weight }) => F.conv2d(x, F.pad(weight, [1, 0, 1, 0]), { stride: 2, padding: 1, groups: 32 }),
  },
  'batch norm, training': norm(true),
  'batch norm, training, the paper constants': norm(true, { momentum: 0.01, eps: 1e-3 }),
  'batch norm, evaluation': norm(false),
  silu: unary(F.silu, image),
  sigmoid: unary(F.sigmoid, image),
  relu: unary(F.relu, image),
  relu6: unary(F.relu6, normal([4, 32, 15, 15], { scale: 4 })),
  hardswish: unary(F.hardswish, normal([4, 32, 15, 15], { scale: 2 })),
  hardsigmoid: unary(F.hardsigmoid, normal([4, 32, 15, 15], { scale: 2 })),
  'silu in place': unary((x) => mb.noGrad(() => F.silu(x.clone(), { inplace: true })), image),
  'global average pool': unary((x) => F.adaptiveAvgPool2d(x, 1), image),
  'adaptive average pool to 4x3': unary((x) => F.adaptiveAvgPool2d(x, [4, 3]), image),
  'average pool': unary((x) => F.avgPool2d(x, 3, { stride: 2, padding: 1 }), image),
  'max pool': unary((x) => F.maxPool2d(x, 3, { stride: 2, padding: 1 }), image),
  'bilinear resampling': unary((x) => F.interpolate(x, [20, 24], { mode: 'bilinear' }), image),
  'pad with zeros': unary((x) => F.pad(x, [1, 2, 0, 3]), image),
  'pad with a constant': unary((x) => F.pad(x, [2, 1, 1, 0], { value: 1.5 }), image),
  'pad by reflection': unary((x) => F.pad(x, [1, 2, 2, 1], { mode: 'reflect' }), image),
  'pad by replication': unary((x) => F.pad(x, [1, 2, 2, 1], { mode: 'replicate' }), image),
  'dropout off': unary((x) => F.dropout(x, 0.5, { training: false }), image),
  'drop path off': unary((x) => F.dropPath(x, 0.5, { training: false }), image),
  'drop path with probability 0': unary((x) => F.dropPath(x, 0), image),
  'scale per channel': binary((a, b) => a.mul(b), image, normal([4, 32, 1, 1])),
  'residual add in place': {
    inputs: { x: image, weight: normal([32, 32, 1, 1]) },
    call: ({ x, weight }) => F.conv2d(x, weight).add_(x),
  },
}

/** Ops on anything else, in one layout. */
const others = {
  linear: {
    inputs: { x: normal([32, 160]), weight: normal([10, 160]), bias: normal([10]) },
    call: ({ x, weight, bias }) => F.linear(x, weight, bias),
  },
  matmul: binary((a, b) => a.matmul(b), normal([3, 24, 40]), normal([3, 40, 16])),
  'cross-entropy': entropy(indices([64], 10)),
  'cross-entropy, label smoothing': entropy(indices([64], 10), { labelSmoothing: 0.1 }),
  'cross-entropy, soft targets': entropy(probabilities([64, 10]), { labelSmoothing: 0.1 }),
  'cross-entropy, sum': entropy(indices([64], 10), { reduction: 'sum' }),
  'cross-entropy, each': entropy(indices([64], 10), { reduction: 'none', labelSmoothing: 0.1 }),
  softmax: unary((x) => x.softmax(1)),
  'log softmax': unary((x) => x.logSoftmax(2)),
  'add, broadcast': binary((a, b) => a.add(b)),
  'subtract, broadcast': binary((a, b) => a.sub(b)),
  'multiply, broadcast': binary((a, b) => a.mul(b)),
  'divide, broadcast': binary((a, b) => a.div(b), undefined, positive([7, 1])),
  'add a number': unary((x) => x.add(1.25)),
  maximum: binary((a, b) => a.maximum(b)),
  minimum: binary((a, b) => a.minimum(b)),
  where: binary((a, b) => mb.where(a.gt(0), a, b)),
  pow: unary((x) => x.pow(1.5), positive([5, 7, 11])),
  exp: unary((x) => x.exp()),
  log: unary((x) => x.log(), positive([5, 7, 11])),
  sqrt: unary((x) => x.sqrt(), positive([5, 7, 11])),
  rsqrt: unary((x) => x.rsqrt(), positive([5, 7, 11])),
  tanh: unary((x) => x.tanh()),
  abs: unary((x) => x.abs()),
  clamp: unary((x) => x.clamp({ min: -0.5, max: 0.75 })),
  sum: unary((x) => x.sum()),
  'sum over dimensions': unary((x) => x.sum({ dim: [0, 2] })),
  'mean over dimensions': unary((x) => x.mean({ dim: [1, 2], keepdim: true }), normal([5, 7, 11], { shift: 1 })),
  variance: unary((x) => x.var({ dim: 2 })),
  'standard deviation': unary((x) => x.std({ dim: [0, 1] })),
  'largest values': unary((x) => x.amax({ dim: 1 })),
  norm: unary((x) => x.norm()),
  logsumexp: unary((x) => x.logsumexp({ dim: 1 })),
  'cumulative sum': unary((x) => x.cumsum(1)),
  'index of the largest': unary((x) => x.argmax({ dim: 2 }), fixed([6, 5, 40])),
  // Which of two equal values is taken depends on the device, so gradients are not compared.
  'five largest': unary((x) => x.topk(5, { dim: 1 }).values, fixed([16, 100])),
  'concatenate and permute': binary((a, b) => mb.cat([a, b], 1).permute([2, 0, 1]), undefined, normal([5, 3, 11])),
  'flip and narrow': unary((x) => x.flip([1]).narrow(1, 2, 4)),
  'gather rows': {
    inputs: { x: normal([12, 9]), rows: indices([20], 12) },
    call: ({ x, rows }) => x.indexSelect(0, rows),
  },
}

export const CASES = [
  ...Object.entries(images).map(([name, rest]) => ({ name, layouts: ['contiguous', 'channelsLast'], ...rest })),
  ...Object.entries(others).map(([name, rest]) => ({ name, layouts: ['contiguous'], ...rest })),
]

/** A combination used in half-precision training: images in bfloat16, per-channel values in float32. */
export const MIXED_NORM = {
  name: 'batch norm, training, bfloat16 images and float32 parameters',
  inputs: norm(true).inputs,
  call: ({ x, weight, bias, mean, variance }) => {
    const single = (t) => (x.dtype === 'bfloat16' ? t.to({ dtype: 'float32' }) : t)
    const [runningMean, runningVar] = [single(mean), single(variance)]
    const options = { weight: single(weight), bias: single(bias), runningMean, runningVar, training: true }
    return [F.batchNorm(x, options), runningMean, runningVar]
  },
}

/** Host tensors for a case's inputs, drawn from `seed` and rounded to `dtype`. */
export function drawInputs(inputs, seed, dtype, rounded) {
  mb.manualSeed(seed)
  const drawn = {}
  for (const [name, input] of Object.entries(inputs)) {
    drawn[name] = { grad: input.grad, tensor: draw(input, dtype, rounded) }
  }
  return drawn
}

function draw({ shape, scale, shift, positive, below, probabilities }, dtype, rounded) {
  if (below !== undefined) return mb.randint(0, below, shape)
  const values = mb.randn(shape, { dtype: 'float64' })
  if (probabilities) return rounded(values.softmax(-1), dtype)
  return rounded(positive ? values.abs().add(0.5) : values.mul(scale).add(shift), dtype)
}
