// Wrong arguments of the operations: the error has a code and names the operation, the argument and the shapes.
import * as mb from 'mbconv'
import t from 'tap'

const F = mb.nn.functional
const a = mb.zeros([2, 3])
const indices = mb.tensor([0n, 5n])

const refusals = [
  // Lists.
  [() => mb.foreach.add([a, a], [a]), 'ERR_SHAPE', /foreachAdd: other must be as long as tensors, 2, got 1/],
  [() => mb.foreach.mul_([a], [1, 2]), 'ERR_SHAPE', /other must be as long as tensors/],
  [() => mb.foreach.neg([]), 'ERR_VALUE', /tensors must hold at least one tensor/],
  [
    () => mb.foreach.lerp([a], [mb.zeros([4])], 0.5),
    'ERR_SHAPE',
    /tensors\[0\] and ends\[0\] do not fit: float32\[2,3\] and float32\[4\]/,
  ],
  [() => mb.foreach.addcmul([a], [a], [a, a]), 'ERR_SHAPE', /right must be as long as tensors/],
  [() => mb.foreach.add([a], a), 'ERR_SHAPE', /must have no dimensions, got float32\[2,3\]/],
  [() => mb.foreach.add([a], 2, { alpha: 3 }), 'ERR_VALUE', /alpha is for tensors only/],
  [
    () => mb.foreach.add([a], 'two'),
    'ERR_TYPE',
    /other must be a number, a Tensor, or an array of either, got a string/,
  ],
  // Indices.
  [() => a.index({ step: -1 }), 'ERR_VALUE', /slice: step must be positive, got -1; flip\(\)/],
  [() => a.slice({ step: 0 }), 'ERR_VALUE', /step must be positive/],
  [() => a.unfold(0, 1, 0), 'ERR_VALUE', /unfold: step must be positive/],
  [() => a.indexAdd(0, indices, mb.zeros([2, 3])), 'ERR_INDEX', /indexAdd/],
  [() => a.take(mb.tensor([9n])), 'ERR_INDEX', /take/],
  [() => a.repeatInterleave(-1), 'ERR_VALUE', /repeats must not be negative/],
  [() => a.tensorSplit(0), 'ERR_VALUE', /sections must be positive/],
  [() => a.scatterReduce(1, mb.tensor([[0n]]), a, { reduce: 'middle' }), /ERR_/, /scatterReduce: .*reduce/],
  // Reductions.
  [() => a.kthvalue(9), /ERR_/, /kthvalue.*float32\[2,3\]/],
  [() => a.quantile(1.5), /ERR_/, /quantile.*\[0, 1\]/],
  [() => mb.zeros([0]).max(), /ERR_/, /max.*float32\[0\]/],
  // Random numbers.
  [() => a.exponential_(-1), /ERR_/, /exponential_/],
  [() => a.random_(5, 5), /ERR_/, /random_/],
  [() => mb.normal(0, 1), 'ERR_TYPE', /normal: mean or std must be a Tensor/],
  [() => mb.multinomial(mb.tensor([1, 0]), 3), /ERR_/, /multinomial/],
  [() => F.featureDropout(a, 2), 'ERR_VALUE', /featureDropout: p must lie in \[0, 1\]/],
  // Networks.
  [() => F.interpolate(a, 3), 'ERR_SHAPE', /three to five dimensions.*float32\[2,3\]/],
  [() => F.interpolate(mb.zeros([1, 1, 4]), 3, { mode: 'bilinear' }), 'ERR_SHAPE', /needs an input of 4 dimensions/],
  [() => F.interpolate(mb.zeros([1, 1, 4]), 3, { mode: 'linear', scaleFactor: 2 }), 'ERR_VALUE', /either size or/],
  [() => F.interpolate(mb.zeros([1, 1, 4]), [3, 3], { mode: 'linear' }), 'ERR_SHAPE', /size must have 1 elements/],
  [() => F.interpolate(mb.zeros([1, 1, 4]), 3, { mode: 'cubic' }), 'ERR_VALUE', /unknown mode 'cubic'; known: nearest/],
  [() => F.maxPool1d(mb.zeros([1, 1, 4]), 9), 'ERR_SHAPE', /does not fit into the padded input/],
  [
    () => F.gridSample(mb.zeros([1, 1, 2, 2]), mb.zeros([1, 1, 1, 2]), { mode: 'best' }),
    'ERR_VALUE',
    /known: bilinear/,
  ],
  [() => F.scaledDotProductAttention(a, a, a, { mask: a, causal: true }), 'ERR_VALUE', /either mask or causal/],
  [
    () => F.ctcLoss(mb.zeros([4, 1, 3]), mb.tensor([[7n]]), [4], [1]),
    'ERR_INDEX',
    /ctcLoss: targets must be classes, 0 to 2/,
  ],
  [() => F.ctcLoss(mb.zeros([4, 1, 3]), mb.tensor([[1n]]), [4], [2]), 'ERR_INDEX', /targetLengths/],
  [() => F.ctcLoss(mb.zeros([4, 1, 3]), mb.tensor([[1n]]), [5], [1]), 'ERR_INDEX', /inputLengths/],
  [() => mb.nn.init.kaimingNormal_(mb.zeros([3])), 'ERR_SHAPE', /at least two dimensions, got \[3\]/],
  [() => mb.nn.init.truncNormal_(a, { low: 1, high: 0 }), 'ERR_VALUE', /low must be less than high/],
  [() => mb.nn.init.calculateGain('hat'), 'ERR_VALUE', /unknown nonlinearity 'hat'/],
]

t.test('wrong arguments are refused with a code, the operation and what was given', async (t) => {
  for (const [call, code, message] of refusals) {
    t.throws(call, { name: 'MbconvError', code, message, op: /\w/ }, String(call))
  }
})

t.test('a shape that does not fit leaves every tensor of a list as it was', async (t) => {
  const list = [mb.ones([2]), mb.ones([3])]
  t.throws(() => mb.foreach.add_(list, [mb.ones([2]), mb.ones([4])]), { code: 'ERR_SHAPE' })
  t.same(
    list.map((x) => x.toArray()),
    [
      [1, 1],
      [1, 1, 1],
    ],
  )
})

t.test(
  'lists on two devices are refused',
  { skip: mb.cuda.isAvailable() ? false : 'needs a CUDA device' },
  async (t) => {
    t.throws(() => mb.foreach.add([a], [a.to({ device: 'cuda' })]), { code: 'ERR_VALUE', message: /on one device/ })
  },
)
