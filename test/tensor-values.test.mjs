// Tensors where JavaScript expects texts, numbers, lists, JSON or plain objects; their printed form; conversions between
// dtypes; sparse tensors; the limits of dtypes.
import assert from 'node:assert'
import { inspect } from 'node:util'
import * as mb from 'mbconv'
import t from 'tap'

const float64 = { dtype: 'float64' }

t.test('numbers are printed with four digits after the point, integers in full, and the sign of 0', async (t) => {
  const shown = (values, options) => inspect(mb.tensor(values, options)).replace(/^Tensor \w+\[\d*\] /, '')
  t.equal(shown([123456.789, 0.5], float64), '[123456.789, 0.5]')
  t.equal(shown([123456789.12347], float64), '[123456789.1235]')
  t.equal(shown([0, -0]), '[0, -0]')
  t.equal(shown([16777216, 12345678848]), '[16777216, 12345678848]')
  t.equal(shown([2n ** 62n, -(2n ** 63n)]), '[4611686018427387904, -9223372036854775808]')
  t.equal(shown([2 ** 53, 1e300], float64), '[9007199254740992, 1e+300]')
  t.equal(shown([3.4028234663852886e38]), '[3.40282347e+38]', 'nine digits determine a float32')
  t.equal(shown([0.99999, 1e-7, 1.23456789e-5], float64), '[0.99999, 1e-7, 0.000012346]')
  t.equal(shown([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]), '[NaN, Infinity, -Infinity]')
})

t.test('complex and sparse tensors are printed', async (t) => {
  const z = mb.complex(mb.tensor([1, -0.5, 0]), mb.tensor([2, -1, -0]))
  t.equal(inspect(z), 'Tensor complex64[3] [1+2j, -0.5-1j, 0-0j]')
  t.equal(inspect(z.conj()), 'Tensor complex64[3] [1-2j, -0.5+1j, 0+0j]')
  t.equal(inspect(mb.complex(mb.tensor(1, float64), mb.tensor(0.25, float64))), 'Tensor complex128[] 1+0.25j')
  const rows = mb.complex(mb.ones([2, 1]), mb.zeros([2, 1]))
  t.equal(inspect(rows), 'Tensor complex64[2, 1]\n[[1+0j],\n [1+0j]]')
  t.match(inspect(mb.complex(mb.ones([1000]), mb.ones([1000]))), /\[1\+1j, 1\+1j, 1\+1j, …, 1\+1j, 1\+1j, 1\+1j\]$/)
  const matrix = mb.tensor([
    [0, 3],
    [4, 0],
  ])
  t.equal(
    inspect(matrix.toSparse()),
    'Tensor float32[2, 2] sparseCoo\n' +
      'indices: Tensor int64[2, 2]\n[[0, 1],\n [1, 0]]\n' +
      'values: Tensor float32[2] [3, 4]',
  )
  const compressed = mb.callOp('aten::to_sparse_csr', [matrix])
  t.match(
    inspect(compressed),
    /^Tensor float32\[2, 2\] sparseCsr\ncrowIndices: .*\[0, 1, 2\]\ncolIndices: .*\[1, 0\]\nvalues/,
  )
  t.match(inspect(matrix.toSparse().requiresGrad_()), /^Tensor float32\[2, 2\] sparseCoo requiresGrad\n/)
})

t.test('sparse tensors: their parts, and back', async (t) => {
  const x = mb.tensor([0, 5, 0, 7])
  const sparse = x.toSparse()
  t.same([sparse.isSparse, sparse.layout, x.isSparse, x.layout], [true, 'sparseCoo', false, 'strided'])
  t.same([sparse.indices().toArray(), sparse.values().toArray()], [[[1, 3]], [5, 7]])
  t.ok(sparse.toDense().equal(x))
  const doubled = mb.callOp('aten::sparse_coo_tensor', [mb.tensor([[1n, 1n]]), mb.tensor([2, 3]), [3]])
  t.throws(() => doubled.indices(), { code: 'ERR_NATIVE' }, 'not coalesced')
  t.same(doubled.coalesce().values().toArray(), [5])
})

t.test('a text, a number, JSON', async (t) => {
  const x = mb.tensor([1, 2.5])
  t.equal(String(x), 'Tensor float32[2] [1, 2.5]')
  t.equal(`${x}`, inspect(x))
  t.equal(x.toString(), inspect(x))
  t.equal(Number(mb.tensor(0.5)), 0.5)
  t.equal(Number(mb.tensor([[true]])), 1)
  t.equal(+mb.tensor([3n]), 3)
  t.equal(`loss: ${mb.tensor(0.5).item()}`, 'loss: 0.5')
  // biome-ignore lint/style/useTemplate: the operator is tried
  t.equal('loss: ' + mb.tensor(0.5), 'loss: 0.5')
  t.ok(mb.tensor(1) < mb.tensor(2))
  t.throws(() => Number(x), { code: 'ERR_SHAPE' })
  t.throws(() => x + 1, { code: 'ERR_TYPE', op: 'toPrimitive', hint: /a\.add\(b\)/ })
  t.throws(() => x < 1, { code: 'ERR_SHAPE' })
  t.equal(JSON.stringify({ x, n: mb.tensor([1n, 2n]), b: mb.tensor(true) }), '{"x":[1,2.5],"n":[1,2],"b":true}')
  t.ok(mb.tensor(JSON.parse(JSON.stringify(x))).equal(x))
  t.throws(() => JSON.stringify(mb.tensor([1n, 2n ** 60n])), { code: 'ERR_VALUE', message: /1152921504606846976/ })
  x.dispose()
  t.equal(String(x), 'Tensor (disposed)')
  t.throws(() => JSON.stringify(x), { code: 'ERR_DISPOSED' })
})

t.test('iteration gives the slices of the first dimension, one at a time', async (t) => {
  const { tensors } = mb.memory()
  const x = mb.arange(6).reshape([3, 2])
  t.same(
    mb.scope(() => [...x].map((row) => row.toArray())),
    [
      [0, 1],
      [2, 3],
      [4, 5],
    ],
  )
  mb.scope(() => {
    const [first] = x
    t.same(first.toArray(), [0, 1])
    t.equal(mb.memory().tensors, tensors + 3, 'x, its base and one slice')
    const w = mb.ones([2], { requiresGrad: true })
    for (const part of w.mul(3)) part.backward(null, { retainGraph: true })
    t.same(w.grad.toArray(), [3, 3], 'with gradients')
  })
  t.same(
    mb.scope(() => Array.from(mb.zeros([0, 2]))),
    [],
  )
  t.throws(() => [...mb.tensor(1)], { code: 'ERR_SHAPE', hint: /item\(\)/ })
})

t.test('different tensors are different objects', async (t) => {
  const [a, b] = [mb.tensor([1, 2]), mb.tensor([1, 2])]
  assert.deepStrictEqual(a, a)
  assert.deepStrictEqual({ list: [a] }, { list: [a] })
  t.throws(() => assert.deepStrictEqual(a, mb.tensor([3, 4])), { code: 'ERR_ASSERTION' })
  // As in PyTorch, the elements are compared by equal().
  t.throws(() => assert.deepStrictEqual(a, b), { code: 'ERR_ASSERTION' })
  t.ok(a.equal(b))
  t.notOk(a.id === b.id)
  t.equal(a.isDisposed, false)
})

t.test('a tensor cannot be cloned by structuredClone or posted: it would arrive empty', async (t) => {
  const x = mb.ones([2])
  const { port1 } = new MessageChannel()
  for (const attempt of [
    () => structuredClone(x),
    () => structuredClone({ deep: [x] }),
    () => port1.postMessage(x),
    () => new mb.nn.Linear(2, 2) && structuredClone(new mb.nn.Linear(2, 2).weight),
  ])
    t.throws(attempt, { code: 'ERR_TYPE', op: 'structuredClone', hint: /threads\.send/ })
  port1.close()
})

t.test('the shortcuts of to()', async (t) => {
  const x = mb.tensor([-1.7, 0, 200.5], float64)
  const dtypes = {
    ...{ float: 'float32', double: 'float64', half: 'float16', bfloat16: 'bfloat16', long: 'int64', int: 'int32' },
    ...{ short: 'int16', char: 'int8', byte: 'uint8', bool: 'bool' },
  }
  for (const [method, dtype] of Object.entries(dtypes)) {
    const result = x[method]()
    t.equal(result.dtype, dtype)
    t.ok(result.equal(x.to({ dtype })), method)
  }
  t.same(x.long().toArray(), [-1, 0, 200], 'towards 0')
  t.equal(x.cpu().device, 'cpu')
  if (!mb.cuda.isAvailable()) {
    t.throws(() => x.cuda(), { code: 'ERR_CUDA_UNAVAILABLE' })
    t.throws(() => x.cuda(1), { code: 'ERR_CUDA_UNAVAILABLE' })
  }
  const same = x.double()
  same.fill_(4)
  t.same(x.toArray(), [4, 4, 4], 'shares memory if nothing has to change')
  t.equal(x.typeAs(mb.tensor([1n])).dtype, 'int64')
  const w = mb.ones([2], { requiresGrad: true })
  w.double().sum().backward()
  t.same([w.grad.dtype, w.grad.toArray()], ['float32', [1, 1]], 'with gradients')
})

t.test("what a tensor is, under PyTorch's names", async (t) => {
  const x = mb.zeros([2, 3])
  t.same([x.dim(), x.size(), x.size(1), x.size(-2)], [2, [2, 3], 3, 2])
  for (const dim of [2, -3, 0.5]) t.throws(() => x.size(dim), { code: 'ERR_INDEX', op: 'size' })
  t.same([x.isFloatingPoint(), x.isComplex(), x.isCuda], [true, false, false])
  t.same([x.long().isFloatingPoint(), x.bfloat16().isFloatingPoint()], [false, true])
  const z = mb.complex(x, x)
  t.same([z.dtype, z.isComplex(), z.isFloatingPoint(), z.elementSize(), z.nbytes], ['complex64', true, false, 8, 48])
  t.same([x.elementSize(), x.half().elementSize(), x.nbytes], [4, 2, 24])
  t.throws(() => mb.zeros([3]).T, { code: 'ERR_SHAPE', op: 'T', hint: /mT/ })
  t.throws(() => mb.zeros([1, 2, 3]).H, { code: 'ERR_SHAPE', hint: /mT/ })
  t.same([mb.isTensor(x), mb.isTensor([1]), mb.isTensor(null)], [true, false, false])
  const same = mb.asTensor(x)
  same.fill_(2)
  t.equal(x.sum().item(), 12, 'asTensor shares memory')
  t.equal(mb.asTensor(x, { dtype: 'int64' }).dtype, 'int64')
  t.same(mb.asTensor([1, 2]).toArray(), [1, 2])
  const y = mb.ones([2], { requiresGrad: true }).mul(2)
  t.equal(y.detach_(), y)
  t.same([y.requiresGrad, y.isLeaf], [false, true])
  t.equal(mb.tensor([2, 3]).floatPower(2).dtype, 'float64')
})

t.test('complex elements are no numbers, and there are errors that say what gives them', async (t) => {
  const z = mb.complex(mb.tensor([1]), mb.tensor([2]))
  for (const read of [() => z.item(), () => z.toArray(), () => z.toTypedArray()]) t.throws(read, { code: 'ERR_TYPE' })
  t.throws(() => z.toArray(), { message: /complex64.*viewAsReal\(\)/ })
  t.same([z.real.item(), z.imag.item()], [1, 2])
  t.same(mb.viewAsReal(z).toArray(), [[1, 2]])
  t.equal(mb.zeros([2], { dtype: 'complex128' }).dtype, 'complex128')
  t.equal(mb.tensor([1, 2], { dtype: 'complex64' }).imag.sum().item(), 0)
  t.throws(() => mb.zeros([1], { dtype: 'complex' }), { code: 'ERR_VALUE', message: /known: .*complex64, complex128/ })
  t.throws(() => mb.linalg.eigvals(mb.full([2, 2], Number.NaN)), { code: 'ERR_VALUE', message: /NaN/ })
})

t.test("finfo and iinfo are PyTorch's", async (t) => {
  // torch.finfo: bits, eps, max, tiny, resolution
  const floats = {
    float16: [16, 0.0009765625, 65504, 6.103515625e-5, 0.001],
    bfloat16: [16, 0.0078125, 3.3895313892515355e38, 1.1754943508222875e-38, 0.01],
    float32: [32, 1.1920928955078125e-7, 3.4028234663852886e38, 1.1754943508222875e-38, 1e-6],
    float64: [64, 2.220446049250313e-16, Number.MAX_VALUE, 2.2250738585072014e-308, 1e-15],
  }
  for (const [dtype, expected] of Object.entries(floats)) {
    const { bits, eps, max, min, tiny, resolution } = mb.finfo(dtype)
    t.same([bits, eps, max, tiny, resolution], expected, dtype)
    t.equal(min, -max)
    const one = mb.ones([1], { dtype })
    const next = mb.tensor([1 + eps, 1 + eps / 4], { dtype })
    t.same(next.gt(one).toArray(), [true, false], 'eps')
  }
  t.equal(mb.finfo('float64').smallestSubnormal, Number.MIN_VALUE)
  t.equal(mb.finfo('complex64').dtype, 'float32')
  t.same(mb.iinfo('int8'), { dtype: 'int8', bits: 8, max: 127, min: -128 })
  t.same(mb.iinfo('uint8'), { dtype: 'uint8', bits: 8, max: 255, min: 0 })
  t.same(mb.iinfo('int32'), { dtype: 'int32', bits: 32, max: 2147483647, min: -2147483648 })
  t.same(mb.iinfo('int64'), { dtype: 'int64', bits: 64, max: 2n ** 63n - 1n, min: -(2n ** 63n) })
  for (const dtype of ['int64', 'bool', 'toString', '__proto__', undefined])
    t.throws(() => mb.finfo(dtype), { code: 'ERR_TYPE', op: 'finfo', hint: /iinfo/ })
  for (const dtype of ['float32', 'bool', 'constructor'])
    t.throws(() => mb.iinfo(dtype), { code: 'ERR_TYPE', op: 'iinfo', hint: /finfo/ })
})
