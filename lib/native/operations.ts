/** Signatures of the addon's exports that compute. The others are in signatures.ts. */
import type { Device, DType, Tensor } from './types'

type Maybe<T> = T | null | undefined
type Operand = Tensor | number | bigint | boolean
type Scalar = number | bigint | boolean
type Unary = (input: Tensor) => Tensor
type Binary = (input: Tensor, other: Operand) => Tensor
type InPlace = (input: Tensor) => void
type InPlaceBinary = (input: Tensor, other: Operand) => void
type Product = (input: Tensor, other: Tensor) => Tensor
type AddProduct = (input: Tensor, left: Tensor, right: Tensor, beta: Scalar, alpha: Scalar) => Tensor
type Moments = (t: Tensor, dim: Maybe<number[]>, correction: number, keepdim: boolean) => [Tensor, Tensor]
type Along = (t: Tensor, dim: number, keepdim: boolean) => [values: Tensor, indices: Tensor]
type Quantile = (t: Tensor, q: Operand, dim: Maybe<number>, keepdim: boolean, interpolation: string) => Tensor
type Unique = (
  t: Tensor,
  inverse: boolean,
  counts: boolean,
  dim: Maybe<number>,
) => [values: Tensor, inverse: Tensor | null, counts: Tensor | null]
type MaxPool = (
  t: Tensor,
  kernel: number[],
  stride: number[],
  padding: number[],
  dilation: number[],
  ceilMode: boolean,
) => Tensor
type AvgPool = (
  t: Tensor,
  kernel: number[],
  stride: number[],
  padding: number[],
  ceilMode: boolean,
  countIncludePad: boolean,
) => Tensor
type Resize = (t: Tensor, size: number[]) => Tensor
type Conv = (
  input: Tensor,
  weight: Tensor,
  bias: Maybe<Tensor>,
  stride: number[],
  padding: number[],
  dilation: number[],
  groups: number,
) => Tensor
type ConvTranspose = (
  input: Tensor,
  weight: Tensor,
  bias: Maybe<Tensor>,
  stride: number[],
  padding: number[],
  outputPadding: number[],
  groups: number,
  dilation: number[],
) => Tensor

/** A number or a tensor for the whole list, or one number or tensor for each element. */
export type ForeachOperand = Scalar | Scalar[] | Tensor | Tensor[]
type Foreach = (tensors: Tensor[]) => Tensor[]
type ForeachInPlace = (tensors: Tensor[]) => void
type ForeachBinary = (tensors: Tensor[], other: ForeachOperand) => Tensor[]
type ForeachBinaryInPlace = (tensors: Tensor[], other: ForeachOperand) => void
type ForeachPointwise = (tensors: Tensor[], left: Tensor[], right: Tensor[], value: Scalar | Scalar[]) => Tensor[]
type ForeachPointwiseInPlace = (tensors: Tensor[], left: Tensor[], right: Tensor[], value: Scalar | Scalar[]) => void

type Transform = (t: Tensor, n: Maybe<number>, dim: number, norm: Maybe<string>) => Tensor
type PlaneTransform = (t: Tensor, s: Maybe<number[]>, dim: number[], norm: Maybe<string>) => Tensor
type FullTransform = (t: Tensor, s: Maybe<number[]>, dim: Maybe<number[]>, norm: Maybe<string>) => Tensor

export interface NativeOperations {
  // native/ops/random.cc
  rand(shape: number[], dtype: DType, device: Device, requiresGrad: boolean): Tensor
  randn(shape: number[], dtype: DType, device: Device, requiresGrad: boolean): Tensor
  randint(low: number, high: number, shape: number[], dtype: DType, device: Device): Tensor
  randperm(n: number, dtype: DType, device: Device): Tensor
  bernoulli: Unary
  uniform_(t: Tensor, low: number, high: number): void
  normal_(t: Tensor, mean: number, std: number): void
  exponential_(t: Tensor, rate: number): void
  geometric_(t: Tensor, p: number): void
  cauchy_(t: Tensor, median: number, sigma: number): void
  logNormal_(t: Tensor, mean: number, std: number): void
  random_(t: Tensor, low: Maybe<number>, high: Maybe<number>): void
  bernoulli_(t: Tensor, p: Operand): void
  multinomial(weights: Tensor, samples: number, replacement: boolean): Tensor
  poisson: Unary
  standardGamma: Unary
  normal(mean: Operand, std: Operand): Tensor
  seedGenerator(seed: bigint): void
  manualSeed(seed: bigint): void
  getRandomState(device: Device): Tensor
  setRandomState(state: Tensor, device: Device): void

  // native/ops/elementwise.cc
  neg: Unary
  abs: Unary
  exp: Unary
  exp2: Unary
  expm1: Unary
  log: Unary
  log1p: Unary
  log2: Unary
  log10: Unary
  sqrt: Unary
  rsqrt: Unary
  square: Unary
  reciprocal: Unary
  sigmoid: Unary
  sin: Unary
  cos: Unary
  tan: Unary
  asin: Unary
  acos: Unary
  atan: Unary
  sinh: Unary
  cosh: Unary
  tanh: Unary
  asinh: Unary
  acosh: Unary
  atanh: Unary
  erf: Unary
  erfc: Unary
  erfinv: Unary
  lgamma: Unary
  digamma: Unary
  floor: Unary
  ceil: Unary
  trunc: Unary
  frac: Unary
  sign: Unary
  signbit: Unary
  sinc: Unary
  i0: Unary
  deg2rad: Unary
  rad2deg: Unary
  isposinf: Unary
  isneginf: Unary
  isnan: Unary
  isinf: Unary
  isfinite: Unary
  logicalNot: Unary
  bitwiseNot: Unary
  round(t: Tensor, decimals: number): Tensor
  logit(t: Tensor, eps: Maybe<number>): Tensor
  nanToNum(t: Tensor, nan: Maybe<number>, posinf: Maybe<number>, neginf: Maybe<number>): Tensor
  add(t: Tensor, other: Operand, alpha: Scalar): Tensor
  sub(t: Tensor, other: Operand, alpha: Scalar): Tensor
  mul: Binary
  div(t: Tensor, other: Operand, roundingMode: Maybe<string>): Tensor
  floorDivide: Binary
  remainder: Binary
  fmod: Binary
  pow: Binary
  atan2: Binary
  hypot: Binary
  copysign: Binary
  logaddexp: Binary
  xlogy: Binary
  maximum: Binary
  minimum: Binary
  fmax: Binary
  fmin: Binary
  logaddexp2: Binary
  nextafter: Binary
  gcd: Binary
  lcm: Binary
  floatPower: Binary
  heaviside(t: Tensor, values: Tensor): Tensor
  ldexp: Binary
  clampMin: Binary
  clampMax: Binary
  clamp(t: Tensor, min: Maybe<Scalar>, max: Maybe<Scalar>): Tensor
  addcmul(t: Tensor, left: Tensor, right: Tensor, value: Scalar): Tensor
  addcdiv(t: Tensor, left: Tensor, right: Tensor, value: Scalar): Tensor
  lerp(t: Tensor, end: Tensor, weight: Operand): Tensor
  eq: Binary
  ne: Binary
  lt: Binary
  le: Binary
  gt: Binary
  ge: Binary
  logicalAnd: Binary
  logicalOr: Binary
  logicalXor: Binary
  bitwiseAnd: Binary
  bitwiseOr: Binary
  bitwiseXor: Binary
  bitwiseLeftShift: Binary
  bitwiseRightShift: Binary
  where(condition: Tensor, input: Operand, other: Operand): Tensor
  isin(t: Tensor, values: Tensor): Tensor
  equal(t: Tensor, other: Tensor): boolean
  isclose(t: Tensor, other: Operand, rtol: number, atol: number, equalNan: boolean): Tensor
  allclose(t: Tensor, other: Tensor, rtol: number, atol: number, equalNan: boolean): boolean

  // native/ops/inplace.cc
  neg_: InPlace
  abs_: InPlace
  exp_: InPlace
  log_: InPlace
  sqrt_: InPlace
  rsqrt_: InPlace
  square_: InPlace
  reciprocal_: InPlace
  sigmoid_: InPlace
  tanh_: InPlace
  sin_: InPlace
  cos_: InPlace
  floor_: InPlace
  ceil_: InPlace
  trunc_: InPlace
  exp2_: InPlace
  expm1_: InPlace
  log1p_: InPlace
  log2_: InPlace
  log10_: InPlace
  tan_: InPlace
  erf_: InPlace
  frac_: InPlace
  sign_: InPlace
  erfinv_: InPlace
  zero_: InPlace
  round_(t: Tensor, decimals: number): void
  add_(t: Tensor, other: Operand, alpha: Scalar): void
  sub_(t: Tensor, other: Operand, alpha: Scalar): void
  mul_: InPlaceBinary
  div_(t: Tensor, other: Operand, roundingMode: Maybe<string>): void
  pow_: InPlaceBinary
  floorDivide_: InPlaceBinary
  remainder_: InPlaceBinary
  fmod_: InPlaceBinary
  atan2_: InPlaceBinary
  hypot_: InPlaceBinary
  clampMin_: InPlaceBinary
  clampMax_: InPlaceBinary
  logicalAnd_: InPlaceBinary
  logicalOr_: InPlaceBinary
  bitwiseAnd_: InPlaceBinary
  bitwiseOr_: InPlaceBinary
  bitwiseXor_: InPlaceBinary
  fill_(t: Tensor, value: Scalar): void
  copy_(t: Tensor, source: Tensor, nonBlocking?: boolean): void
  clamp_(t: Tensor, min: Maybe<Scalar>, max: Maybe<Scalar>): void
  lerp_(t: Tensor, end: Tensor, weight: Operand): void
  addcmul_(t: Tensor, left: Tensor, right: Tensor, value: Scalar): void
  addcdiv_(t: Tensor, left: Tensor, right: Tensor, value: Scalar): void
  nanToNum_(t: Tensor, nan: Maybe<number>, posinf: Maybe<number>, neginf: Maybe<number>): void
  tril_(t: Tensor, diagonal: number): void
  triu_(t: Tensor, diagonal: number): void
  fillDiagonal_(t: Tensor, value: Scalar): void

  // native/ops/reduce.cc
  sum(t: Tensor, dim: Maybe<number[]>, keepdim: boolean, dtype?: DType): Tensor
  nansum(t: Tensor, dim: Maybe<number[]>, keepdim: boolean, dtype?: DType): Tensor
  mean(t: Tensor, dim: Maybe<number[]>, keepdim: boolean, dtype?: DType): Tensor
  nanmean(t: Tensor, dim: Maybe<number[]>, keepdim: boolean, dtype?: DType): Tensor
  var(t: Tensor, dim: Maybe<number[]>, correction: number, keepdim: boolean): Tensor
  std(t: Tensor, dim: Maybe<number[]>, correction: number, keepdim: boolean): Tensor
  varMean: Moments
  stdMean: Moments
  prod(t: Tensor, dim: Maybe<number>, keepdim: boolean): Tensor
  amax(t: Tensor, dim: number[], keepdim: boolean): Tensor
  amin(t: Tensor, dim: number[], keepdim: boolean): Tensor
  aminmax(t: Tensor, dim: Maybe<number>, keepdim: boolean): [min: Tensor, max: Tensor]
  argmax(t: Tensor, dim: Maybe<number>, keepdim: boolean): Tensor
  argmin(t: Tensor, dim: Maybe<number>, keepdim: boolean): Tensor
  all(t: Tensor, dim: Maybe<number>, keepdim: boolean): Tensor
  any(t: Tensor, dim: Maybe<number>, keepdim: boolean): Tensor
  norm(t: Tensor, p: number, dim: number[], keepdim: boolean): Tensor
  logsumexp(t: Tensor, dim: number[], keepdim: boolean): Tensor
  countNonzero(t: Tensor, dim: Maybe<number[]>): Tensor
  trace: Unary
  max: Unary
  min: Unary
  median: Unary
  nanmedian: Unary
  maxAlong: Along
  minAlong: Along
  medianAlong: Along
  nanmedianAlong: Along
  mode: Along
  kthvalue(t: Tensor, k: number, dim: number, keepdim: boolean): [values: Tensor, indices: Tensor]
  quantile: Quantile
  nanquantile: Quantile
  cumsum(t: Tensor, dim: number): Tensor
  cumprod(t: Tensor, dim: number): Tensor
  cummax(t: Tensor, dim: number): [values: Tensor, indices: Tensor]
  cummin(t: Tensor, dim: number): [values: Tensor, indices: Tensor]
  logcumsumexp(t: Tensor, dim: number): Tensor
  diff(t: Tensor, n: number, dim: number, prepend: Maybe<Tensor>, append: Maybe<Tensor>): Tensor
  cov(t: Tensor, correction: number, fweights: Maybe<Tensor>, aweights: Maybe<Tensor>): Tensor
  corrcoef: Unary
  dist(t: Tensor, other: Tensor, p: number): Tensor
  trapezoid(t: Tensor, x: Operand, dim: number): Tensor
  softmax(t: Tensor, dim: number): Tensor
  logSoftmax(t: Tensor, dim: number): Tensor
  topk(t: Tensor, k: number, dim: number, largest: boolean): [Tensor, Tensor]
  sort(t: Tensor, dim: number, descending: boolean, stable: boolean): [Tensor, Tensor]
  unique: Unique
  uniqueConsecutive: Unique
  searchsorted(sorted: Tensor, values: Operand, right: boolean): Tensor
  bucketize(t: Tensor, boundaries: Tensor, right: boolean): Tensor
  histc(t: Tensor, bins: number, min: number, max: number): Tensor
  bincount(t: Tensor, weights: Maybe<Tensor>, minLength: number): Tensor
  oneHot(t: Tensor, classes: number): Tensor

  // native/ops/shape.cc
  view(t: Tensor, shape: number[]): Tensor
  reshape(t: Tensor, shape: number[]): Tensor
  permute(t: Tensor, dims: number[]): Tensor
  transpose(t: Tensor, dim0: number, dim1: number): Tensor
  movedim(t: Tensor, from: number[], to: number[]): Tensor
  squeeze(t: Tensor, dim?: number): Tensor
  unsqueeze(t: Tensor, dim: number): Tensor
  unsqueeze_(t: Tensor, dim: number): void
  squeeze_(t: Tensor, dim?: number): void
  transpose_(t: Tensor, dim0: number, dim1: number): void
  expand(t: Tensor, shape: number[]): Tensor
  flatten(t: Tensor, startDim: number, endDim: number): Tensor
  unflatten(t: Tensor, dim: number, sizes: number[]): Tensor
  flip(t: Tensor, dims: number[]): Tensor
  roll(t: Tensor, shifts: number[], dims: number[]): Tensor
  rot90(t: Tensor, times: number, dims: number[]): Tensor
  repeat(t: Tensor, repeats: number[]): Tensor
  tile(t: Tensor, repeats: number[]): Tensor
  repeatInterleave(t: Tensor, repeats: Operand, dim: Maybe<number>): Tensor
  narrow(t: Tensor, dim: number, start: number, length: number): Tensor
  select(t: Tensor, dim: number, index: number): Tensor
  slice(t: Tensor, dim: number, start: Maybe<number>, end: Maybe<number>, step: number): Tensor
  unfold(t: Tensor, dim: number, size: number, step: number): Tensor
  diagonal(t: Tensor, offset: number, dim1: number, dim2: number): Tensor
  diag(t: Tensor, offset: number): Tensor
  diagEmbed(t: Tensor, offset: number, dim1: number, dim2: number): Tensor
  tril(t: Tensor, diagonal: number): Tensor
  triu(t: Tensor, diagonal: number): Tensor
  cat(tensors: Tensor[], dim: number): Tensor
  stack(tensors: Tensor[], dim: number): Tensor
  hstack(tensors: Tensor[]): Tensor
  vstack(tensors: Tensor[]): Tensor
  dstack(tensors: Tensor[]): Tensor
  columnStack(tensors: Tensor[]): Tensor
  blockDiag(tensors: Tensor[]): Tensor
  cartesianProd(tensors: Tensor[]): Tensor
  meshgrid(tensors: Tensor[], indexing: string): Tensor[]
  broadcastTensors(tensors: Tensor[]): Tensor[]
  split(t: Tensor, sizes: number[], dim: number): Tensor[]
  chunk(t: Tensor, chunks: number, dim: number): Tensor[]
  tensorSplit(t: Tensor, sections: number, dim: number): Tensor[]
  tensorSplitAt(t: Tensor, indices: number[], dim: number): Tensor[]
  unbind(t: Tensor, dim: number): Tensor[]

  // native/ops/complex.cc
  complex: Product
  polar: Product
  viewAsReal: Unary
  viewAsComplex: Unary
  real: Unary
  imag: Unary
  conj: Unary
  resolveConj: Unary
  angle: Unary
  sgn: Unary
  isreal: Unary

  // native/ops/fft.cc
  fft: Transform
  ifft: Transform
  rfft: Transform
  irfft: Transform
  hfft: Transform
  ihfft: Transform
  fft2: PlaneTransform
  ifft2: PlaneTransform
  rfft2: PlaneTransform
  irfft2: PlaneTransform
  fftn: FullTransform
  ifftn: FullTransform
  rfftn: FullTransform
  irfftn: FullTransform
  fftshift(t: Tensor, dim: Maybe<number[]>): Tensor
  ifftshift(t: Tensor, dim: Maybe<number[]>): Tensor
  fftfreq(n: number, d: number, dtype: DType, device: Device): Tensor
  rfftfreq(n: number, d: number, dtype: DType, device: Device): Tensor

  // native/ops/index.cc
  index(t: Tensor, indices: Maybe<Tensor>[]): Tensor
  indexPut_(t: Tensor, indices: Maybe<Tensor>[], values: Operand, accumulate: boolean): void
  indexSelect(t: Tensor, dim: number, indices: Tensor): Tensor
  gather(t: Tensor, dim: number, indices: Tensor): Tensor
  take(t: Tensor, indices: Tensor): Tensor
  takeAlongDim(t: Tensor, indices: Tensor, dim: Maybe<number>): Tensor
  scatter(t: Tensor, dim: number, indices: Tensor, source: Operand): Tensor
  scatter_(t: Tensor, dim: number, indices: Tensor, source: Operand): void
  scatterAdd(t: Tensor, dim: number, indices: Tensor, source: Tensor): Tensor
  scatterAdd_(t: Tensor, dim: number, indices: Tensor, source: Tensor): void
  scatterReduce(t: Tensor, dim: number, indices: Tensor, source: Tensor, reduce: string, includeSelf: boolean): Tensor
  scatterReduce_(t: Tensor, dim: number, indices: Tensor, source: Tensor, reduce: string, includeSelf: boolean): void
  indexAdd(t: Tensor, dim: number, indices: Tensor, source: Tensor, alpha: Scalar): Tensor
  indexAdd_(t: Tensor, dim: number, indices: Tensor, source: Tensor, alpha: Scalar): void
  indexCopy(t: Tensor, dim: number, indices: Tensor, source: Tensor): Tensor
  indexCopy_(t: Tensor, dim: number, indices: Tensor, source: Tensor): void
  indexFill(t: Tensor, dim: number, indices: Tensor, value: Scalar): Tensor
  indexFill_(t: Tensor, dim: number, indices: Tensor, value: Scalar): void
  maskedFill(t: Tensor, mask: Tensor, value: Scalar): Tensor
  maskedFill_(t: Tensor, mask: Tensor, value: Scalar): void
  maskedScatter(t: Tensor, mask: Tensor, source: Tensor): Tensor
  maskedScatter_(t: Tensor, mask: Tensor, source: Tensor): void
  maskedSelect(t: Tensor, mask: Tensor): Tensor
  nonzero: Unary

  // native/ops/foreach.cc
  foreachNeg: Foreach
  foreachAbs: Foreach
  foreachExp: Foreach
  foreachLog: Foreach
  foreachSqrt: Foreach
  foreachRsqrt: Foreach
  foreachReciprocal: Foreach
  foreachSign: Foreach
  foreachNeg_: ForeachInPlace
  foreachAbs_: ForeachInPlace
  foreachExp_: ForeachInPlace
  foreachLog_: ForeachInPlace
  foreachSqrt_: ForeachInPlace
  foreachRsqrt_: ForeachInPlace
  foreachReciprocal_: ForeachInPlace
  foreachSign_: ForeachInPlace
  foreachZero_: ForeachInPlace
  foreachNorm(tensors: Tensor[], p: number): Tensor[]
  foreachAdd(tensors: Tensor[], other: ForeachOperand, alpha: Scalar): Tensor[]
  foreachAdd_(tensors: Tensor[], other: ForeachOperand, alpha: Scalar): void
  foreachSub(tensors: Tensor[], other: ForeachOperand, alpha: Scalar): Tensor[]
  foreachSub_(tensors: Tensor[], other: ForeachOperand, alpha: Scalar): void
  foreachMul: ForeachBinary
  foreachMul_: ForeachBinaryInPlace
  foreachDiv: ForeachBinary
  foreachDiv_: ForeachBinaryInPlace
  foreachPow: ForeachBinary
  foreachPow_: ForeachBinaryInPlace
  foreachMaximum: ForeachBinary
  foreachMaximum_: ForeachBinaryInPlace
  foreachMinimum: ForeachBinary
  foreachMinimum_: ForeachBinaryInPlace
  foreachCopy_(tensors: Tensor[], sources: Tensor[]): void
  foreachLerp(tensors: Tensor[], ends: Tensor[], weight: ForeachOperand): Tensor[]
  foreachLerp_(tensors: Tensor[], ends: Tensor[], weight: ForeachOperand): void
  foreachAddcmul: ForeachPointwise
  foreachAddcmul_: ForeachPointwiseInPlace
  foreachAddcdiv: ForeachPointwise
  foreachAddcdiv_: ForeachPointwiseInPlace

  // native/ops/linalg.cc
  matmul: Product
  mm: Product
  bmm: Product
  mv: Product
  outer: Product
  dot: Product
  kron: Product
  addmm: AddProduct
  baddbmm: AddProduct
  einsum(equation: string, operands: Tensor[]): Tensor
  multiDot(matrices: Tensor[]): Tensor
  tensordot(t: Tensor, other: Tensor, inputDims: number[], otherDims: number[]): Tensor
  cross(t: Tensor, other: Tensor, dim: number): Tensor
  cdist(t: Tensor, other: Tensor, p: number): Tensor
  inv: Unary
  pinv(t: Tensor, atol: Maybe<number>, rtol: Maybe<number>, hermitian: boolean): Tensor
  det: Unary
  slogdet(t: Tensor): [sign: Tensor, logabsdet: Tensor]
  matrixRank(t: Tensor, atol: Maybe<number>, rtol: Maybe<number>, hermitian: boolean): Tensor
  matrixPower(t: Tensor, n: number): Tensor
  matrixExp: Unary
  solve: Product
  solveTriangular(t: Tensor, right: Tensor, upper: boolean, left: boolean, unitriangular: boolean): Tensor
  lstsq: Product
  cholesky: Unary
  qr(t: Tensor): [Tensor, Tensor]
  svd(t: Tensor): [Tensor, Tensor, Tensor]
  svdvals: Unary
  eigh(t: Tensor): [Tensor, Tensor]
  eigvalsh: Unary
  eig(t: Tensor): [values: Tensor, vectors: Tensor]
  eigvals: Unary
  lu(t: Tensor): [p: Tensor, l: Tensor, u: Tensor]
  cond(t: Tensor, ord: Maybe<number>): Tensor
  condBy(t: Tensor, ord: string): Tensor
  vecdot(t: Tensor, other: Tensor, dim: number): Tensor
  vander(t: Tensor, columns: Maybe<number>): Tensor
  choleskySolve(right: Tensor, factor: Tensor, upper: boolean): Tensor
  vectorNorm(t: Tensor, ord: number, dim: Maybe<number[]>, keepdim: boolean): Tensor
  matrixNorm(t: Tensor, ord: string, dim: number[], keepdim: boolean): Tensor
  matrixNormBy(t: Tensor, ord: number, dim: number[], keepdim: boolean): Tensor

  // native/nn/conv.cc
  conv1d: Conv
  conv2d: Conv
  conv3d: Conv
  convTranspose1d: ConvTranspose
  convTranspose2d: ConvTranspose
  convTranspose3d: ConvTranspose

  // native/nn/norm.cc
  batchNorm(
    t: Tensor,
    weight: Maybe<Tensor>,
    bias: Maybe<Tensor>,
    runningMean: Maybe<Tensor>,
    runningVar: Maybe<Tensor>,
    training: boolean,
    momentum: number,
    eps: number,
  ): Tensor
  instanceNorm(t: Tensor, weight: Maybe<Tensor>, bias: Maybe<Tensor>, eps: number): Tensor
  groupNorm(t: Tensor, groups: number, weight: Maybe<Tensor>, bias: Maybe<Tensor>, eps: number): Tensor
  layerNorm(t: Tensor, shape: number[], weight: Maybe<Tensor>, bias: Maybe<Tensor>, eps: number): Tensor

  // native/nn/activation.cc
  silu: Unary
  relu: Unary
  relu6: Unary
  hardswish: Unary
  hardsigmoid: Unary
  mish: Unary
  selu: Unary
  logSigmoid: Unary
  silu_: InPlace
  relu_: InPlace
  relu6_: InPlace
  hardswish_: InPlace
  hardsigmoid_: InPlace
  gelu(t: Tensor, approximate: string): Tensor
  leakyRelu(t: Tensor, slope: number): Tensor
  elu(t: Tensor, alpha: number): Tensor
  celu(t: Tensor, alpha: number): Tensor
  prelu(t: Tensor, weight: Tensor): Tensor
  softplus(t: Tensor, beta: number, threshold: number): Tensor
  glu(t: Tensor, dim: number): Tensor
  hardtanh(t: Tensor, min: number, max: number): Tensor
  threshold(t: Tensor, threshold: Scalar, value: Scalar): Tensor
  hardshrink(t: Tensor, lambda: number): Tensor
  softshrink(t: Tensor, lambda: number): Tensor

  // native/nn/pool.cc
  maxPool1d: MaxPool
  maxPool2d: MaxPool
  maxPool3d: MaxPool
  avgPool1d: AvgPool
  avgPool2d: AvgPool
  avgPool3d: AvgPool
  adaptiveAvgPool1d: Resize
  adaptiveAvgPool2d: Resize
  adaptiveAvgPool3d: Resize
  adaptiveMaxPool1d: Resize
  adaptiveMaxPool2d: Resize
  adaptiveMaxPool3d: Resize
  im2col(t: Tensor, kernel: number[], dilation: number[], padding: number[], stride: number[]): Tensor
  col2im(t: Tensor, size: number[], kernel: number[], dilation: number[], padding: number[], stride: number[]): Tensor

  // native/nn/resample.cc
  pad(t: Tensor, amounts: number[], mode: string, value: Maybe<number>): Tensor
  interpolate(
    t: Tensor,
    size: Maybe<number[]>,
    scaleFactor: Maybe<number[]>,
    mode: string,
    alignCorners: boolean,
    antialias: boolean,
  ): Tensor
  gridSample(t: Tensor, grid: Tensor, mode: string, paddingMode: string, alignCorners: boolean): Tensor
  affineGrid(theta: Tensor, size: number[], alignCorners: boolean): Tensor
  pixelShuffle(t: Tensor, factor: number): Tensor
  pixelUnshuffle(t: Tensor, factor: number): Tensor
  channelShuffle(t: Tensor, groups: number): Tensor

  // native/nn/linear.cc
  linear(t: Tensor, weight: Tensor, bias: Maybe<Tensor>): Tensor
  embedding(weight: Tensor, indices: Tensor, paddingIndex?: Maybe<number>): Tensor

  // native/nn/attention.cc
  scaledDotProductAttention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Maybe<Tensor>,
    causal: boolean,
    scale: Maybe<number>,
  ): Tensor

  // native/nn/distance.cc
  cosineSimilarity(t: Tensor, other: Tensor, dim: number, eps: number): Tensor
  pairwiseDistance(t: Tensor, other: Tensor, p: number, eps: number, keepdim: boolean): Tensor

  // native/nn/dropout.cc
  featureDropout(t: Tensor, p: number, training: boolean): Tensor
  alphaDropout(t: Tensor, p: number, training: boolean): Tensor
  dropout(t: Tensor, p: number, training: boolean): Tensor
  dropPath(t: Tensor, p: number, training: boolean): Tensor

  // native/nn/loss.cc
  crossEntropy(
    logits: Tensor,
    target: Tensor,
    weight: Maybe<Tensor>,
    reduction: string,
    ignoreIndex: number,
    labelSmoothing: number,
  ): Tensor
  nllLoss(t: Tensor, target: Tensor, weight: Maybe<Tensor>, reduction: string, ignoreIndex: number): Tensor
  binaryCrossEntropyWithLogits(
    t: Tensor,
    target: Tensor,
    weight: Maybe<Tensor>,
    posWeight: Maybe<Tensor>,
    reduction: string,
  ): Tensor
  binaryCrossEntropy(t: Tensor, target: Tensor, weight: Maybe<Tensor>, reduction: string): Tensor
  mseLoss(t: Tensor, target: Tensor, reduction: string): Tensor
  l1Loss(t: Tensor, target: Tensor, reduction: string): Tensor
  smoothL1Loss(t: Tensor, target: Tensor, reduction: string, beta: number): Tensor
  huberLoss(t: Tensor, target: Tensor, reduction: string, delta: number): Tensor
  klDiv(t: Tensor, target: Tensor, reduction: string, logTarget: boolean): Tensor
  cosineEmbeddingLoss(t: Tensor, other: Tensor, target: Tensor, margin: number, reduction: string): Tensor
  marginRankingLoss(t: Tensor, other: Tensor, target: Tensor, margin: number, reduction: string): Tensor
  tripletMarginLoss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    margin: number,
    p: number,
    eps: number,
    swap: boolean,
    reduction: string,
  ): Tensor
  hingeEmbeddingLoss(t: Tensor, target: Tensor, margin: number, reduction: string): Tensor
  softMarginLoss(t: Tensor, target: Tensor, reduction: string): Tensor
  multiMarginLoss(
    t: Tensor,
    target: Tensor,
    p: number,
    margin: number,
    weight: Maybe<Tensor>,
    reduction: string,
  ): Tensor
  poissonNllLoss(t: Tensor, target: Tensor, logInput: boolean, full: boolean, eps: number, reduction: string): Tensor
  ctcLoss(
    logProbabilities: Tensor,
    targets: Tensor,
    inputLengths: number[],
    targetLengths: number[],
    blank: number,
    reduction: string,
    zeroInfinity: boolean,
  ): Tensor
}
