// Making tensors, their data, indexing, dtypes and layouts.
import { inspect } from 'node:util'
import * as mb from 'mbconv'
import t from 'tap'

const DTYPES = ['float32', 'float64', 'float16', 'bfloat16', 'int64', 'int32', 'int16', 'int8', 'uint8', 'bool']

t.test('data in and out, every dtype', async (t) => {
  for (const dtype of DTYPES) {
    const x = mb.tensor(
      [
        [0, 1],
        [1, 0],
        [1, 1],
      ],
      { dtype },
    )
    t.same(x.shape, [3, 2], dtype)
    t.equal(x.dtype, dtype)
    const truth = dtype === 'bool'
    t.same(
      x.toArray(),
      truth
        ? [
            [false, true],
            [true, false],
            [true, true],
          ]
        : [
            [0, 1],
            [1, 0],
            [1, 1],
          ],
      dtype,
    )
    const flat = x.toTypedArray()
    const back = mb.fromTypedArray(flat, [3, 2], { dtype })
    t.ok(back.equal(x), `${dtype} through ${flat.constructor.name}`)
    t.same(await x.toArrayAsync(), x.toArray())
    t.equal(await x.select(0, 0).select(0, 1).itemAsync(), truth ? true : 1)
  }
})

t.test('elements beyond what an array can hold are an error, and many are whole', async (t) => {
  // Expanded, a single element has any size.
  for (const dtype of ['float32', 'float64', 'float16', 'int64', 'int8', 'bool']) {
    const huge = mb.ones([1], { dtype }).expand([2 ** 40])
    const refusal = { code: 'ERR_OOM', message: /there can be no \w+Array of 1099511627776 elements/ }
    t.throws(() => huge.toTypedArray(), refusal, dtype)
    t.throws(() => huge.toArray(), refusal)
    await t.rejects(huge.toTypedArrayAsync(), refusal)
    await t.rejects(huge.toArrayAsync(), refusal)
    t.match(inspect(huge), /^Tensor \w+\[1099511627776\] \[(1|true), \1, \1, …, \1, \1, \1\]$/)

    const many = mb
      .fromTypedArray(
        BigInt64Array.from({ length: 2 ** 20 }, (_, i) => BigInt(i % 2)),
        [2 ** 20],
      )
      .to({ dtype })
    const arrays = [many.toTypedArray(), await many.toTypedArrayAsync()]
    for (const array of arrays) {
      t.equal(array.length, 2 ** 20)
      t.equal(array.byteOffset, 0)
      t.equal(array.byteLength, array.buffer.byteLength)
      t.ok(mb.fromTypedArray(array, [2 ** 20], { dtype }).equal(many), `${dtype} through ${array.constructor.name}`)
    }
  }
})

t.test('16-bit floats keep their bits', async (t) => {
  const values = [0, 1, -2.5, 65504, 2 ** -24, Number.POSITIVE_INFINITY]
  t.same(mb.tensor(values, { dtype: 'float16' }).toArray(), values)
  t.ok(Number.isNaN(mb.tensor([Number.NaN], { dtype: 'float16' }).item()))
  const bits = new Uint16Array([0x3f80, 0xc000, 0x7f80])
  t.same(mb.fromTypedArray(bits, [3], { dtype: 'bfloat16' }).toArray(), [1, -2, Number.POSITIVE_INFINITY])
  t.same(mb.fromTypedArray(bits, [3], { dtype: 'bfloat16' }).toTypedArray(), bits)
  t.throws(() => mb.fromTypedArray(bits, [3]), { code: 'ERR_TYPE', message: /float16/ })
})

t.test('int64 beyond 2^53 is a BigInt, below it a number', async (t) => {
  const x = mb.tensor([2n ** 60n, 3n])
  t.same(x.toArray(), [2n ** 60n, 3])
  t.equal(x.select(0, 0).item(), 2n ** 60n)
  t.equal(x.select(0, 1).item(), 3)
  t.throws(() => x.add(2n ** 64n), { code: 'ERR_VALUE' })
})

t.test('inferred dtypes: numbers are float32, BigInts int64, booleans bool', async (t) => {
  t.equal(mb.tensor(1).dtype, 'float32')
  t.equal(mb.tensor([1n]).dtype, 'int64')
  t.equal(mb.tensor([[true]]).dtype, 'bool')
  t.equal(mb.tensor(new Int16Array(2)).dtype, 'int16')
  t.equal(mb.arange(3).dtype, 'int64')
  t.equal(mb.arange(0, 1, 0.25).dtype, 'float32')
  t.same(mb.tensor([]).shape, [0])
})

t.test('ragged, mixed and foreign data are refused', async (t) => {
  t.throws(() => mb.tensor([[1, 2], [3]]), { code: 'ERR_SHAPE', op: 'tensor' })
  t.throws(() => mb.tensor([[1], 2]), { code: 'ERR_SHAPE' })
  t.throws(() => mb.tensor([1, 2n]), { code: 'ERR_TYPE' })
  t.throws(() => mb.tensor(['1']), { code: 'ERR_TYPE' })
  t.throws(() => mb.tensor([null]), { code: 'ERR_TYPE' })
  const cycle = []
  cycle.push(cycle)
  t.throws(() => mb.tensor(cycle), { code: 'ERR_SHAPE' })
  t.throws(() => mb.fromTypedArray(new Float32Array(5), [2, 3]), { code: 'ERR_SHAPE' })
  t.throws(() => mb.fromTypedArray(new BigUint64Array(1), [1]), { code: 'ERR_TYPE' })
  t.throws(() => mb.zeros([2], { dtype: 'float8' }), { code: 'ERR_VALUE', message: /float8.*known/ })
  t.throws(() => mb.zeros([2 ** 40, 2 ** 40]), { op: 'zeros' })
  t.throws(() => mb.zeros([1e13]), { code: 'ERR_OOM', op: 'zeros' })
})

t.test('a copy is a copy', async (t) => {
  const data = new Float32Array([1, 2])
  const x = mb.tensor(data)
  data[0] = 9
  t.same(x.toArray(), [1, 2])
  const y = mb.tensor(x)
  x.fill_(7)
  t.same(y.toArray(), [1, 2])
})

t.test('numbers do not widen a dtype, tensors promote as in PyTorch', async (t) => {
  t.equal(mb.ones([2], { dtype: 'float16' }).mul(1.5).dtype, 'float16')
  t.equal(mb.ones([2], { dtype: 'int64' }).add(1).dtype, 'int64')
  t.equal(mb.ones([2], { dtype: 'int64' }).add(0.5).dtype, 'float32')
  t.equal(mb.ones([2], { dtype: 'int64' }).div(2).dtype, 'float32')
  t.equal(mb.ones([2]).add(mb.ones([2], { dtype: 'float64' })).dtype, 'float64')
  t.throws(() => mb.ones([2]).add(mb.ones([3])), {
    code: 'ERR_SHAPE',
    op: 'add',
    message: /float32\[2\].*float32\[3\]/,
  })
  t.throws(() => mb.ones([2], { dtype: 'int64' }).floorDivide(0), { op: 'floorDivide' })
})

t.test('rounded quotients and numbers are what callOp gives', async (t) => {
  const x = mb.tensor([7.46, -7.46, 0.25, -0.05], { dtype: 'float64', requiresGrad: true })
  const integers = mb.tensor([7, -7, 1, 0], { dtype: 'int32' })
  const same = (ours, theirs, name) => {
    t.equal(ours.dtype, theirs.dtype, name)
    t.strictSame(ours.toArray(), theirs.toArray(), name)
  }
  for (const rounding_mode of ['trunc', 'floor']) {
    for (const [dividend, divisor] of [
      [x, mb.tensor([0.7, -2, 0.1, 3])],
      [x, mb.tensor(0.7)],
      [integers, mb.tensor([2, 2, -3, 5], { dtype: 'int64' })],
      [integers, mb.tensor(0.3)],
    ]) {
      const theirs = mb.callOp('aten::div.Tensor_mode', [dividend, divisor], { rounding_mode })
      same(dividend.div(divisor, { roundingMode: rounding_mode }), theirs, `${dividend.dtype} ${rounding_mode}`)
    }
    t.equal(integers.div(2, { roundingMode: rounding_mode }).dtype, 'int32', 'a number keeps the dtype')
    t.throws(() => integers.div(0, { roundingMode: rounding_mode }), { code: 'ERR_NATIVE', message: /ZeroDivision/ })
    t.equal(integers.clone().div_(2, { roundingMode: rounding_mode }).dtype, 'int32')
  }
  same(x.div(0.7, {}), mb.callOp('aten::div', [x, 0.7]), 'not rounded')
  t.throws(() => integers.clone().div_(2), { op: 'div_' }, 'a quotient that is not rounded does not fit')
  for (const decimals of [-1, 0, 1, 2])
    same(x.round({ decimals }), mb.callOp('aten::round.decimals', [x], { decimals }), `${decimals} decimals`)
  x.div(2, { roundingMode: 'floor' })
    .add(x.round({ decimals: 1 }))
    .sum()
    .backward()
  t.same(x.grad.toArray(), [0, 0, 0, 0], 'the gradient is 0')
})

t.test('indexing', async (t) => {
  const x = mb.arange(24).view([2, 3, 4])
  const all = x.toArray()
  t.same(x.index(1).toArray(), all[1])
  t.same(x.index(-1, 0).toArray(), all[1][0])
  t.same(
    x.index(':', { start: 1 }, { step: 2 }).toArray(),
    all.map((m) => m.slice(1).map((r) => [r[0], r[2]])),
  )
  t.same(
    x.index('...', 0).toArray(),
    all.map((m) => m.map((r) => r[0])),
  )
  t.same(x.index(null, 0).shape, [1, 3, 4])
  t.same(x.index(0, mb.tensor([2n, 0n])).toArray(), [all[0][2], all[0][0]])
  t.same(x.index(x.gt(20)).toArray(), [21, 22, 23])
  t.same(
    x.index(0, ':', mb.tensor([true, false, false, true])).toArray(),
    all[0].map((r) => [r[0], r[3]]),
  )
  t.same(x.index().toArray(), all)
  t.throws(() => x.index(0, 0, 0, 0), { code: 'ERR_INDEX', op: 'index' })
  t.throws(() => x.index(5), { code: 'ERR_INDEX' })
  t.throws(() => x.index('...', '...'), { code: 'ERR_INDEX' })
  t.throws(() => x.index('2'), { code: 'ERR_TYPE' })

  const y = mb.zeros([3, 3])
  y.indexPut_([1], 5)
  y.indexPut_([':', { start: 2 }], mb.tensor([[1], [2], [3]]))
  y.indexPut_([mb.tensor([0n, 0n]), mb.tensor([0n, 0n])], 1, { accumulate: true })
  t.same(y.toArray(), [
    [2, 0, 1],
    [5, 5, 2],
    [0, 0, 3],
  ])
})

t.test('channels last', async (t) => {
  const x = mb.randn([2, 3, 4, 5])
  const last = x.contiguous({ memoryFormat: 'channelsLast' })
  t.ok(last.isContiguous({ memoryFormat: 'channelsLast' }))
  t.notOk(last.isContiguous())
  t.ok(last.equal(x))
  t.same(last.toTypedArray(), x.toTypedArray(), 'data come out in row-major order all the same')
  t.same(last.strides, [60, 1, 15, 3])
  t.equal(mb.ones([2]).isContiguous({ memoryFormat: 'channelsLast' }), false)
})

t.test('looks readable in the console', async (t) => {
  t.equal(inspect(mb.tensor([1, 2.5])), 'Tensor float32[2] [1, 2.5]')
  t.equal(
    inspect(
      mb.tensor([
        [1, 2],
        [3, 4],
      ]),
    ),
    'Tensor float32[2, 2]\n[[1, 2],\n [3, 4]]',
  )
  t.match(inspect(mb.zeros([1000])), /…/)
  t.ok(inspect(mb.zeros([100, 100, 100])).length < 2000)
  t.equal(
    inspect(mb.arange(1000).reshape([2, 500])),
    'Tensor int64[2, 500]\n[[0, 1, 2, …, 497, 498, 499],\n [500, 501, 502, …, 997, 998, 999]]',
  )
  const x = mb.rand([300, 2], { requiresGrad: true })
  const before = mb.memory().tensors
  mb.debug.setStrict(true)
  t.match(inspect(x), /^Tensor float32\[300, 2\] requiresGrad\n.*…/s, 'outside every scope, too')
  mb.debug.setStrict(false)
  t.equal(mb.memory().tensors, before)
  t.equal(inspect(mb.callOp('aten::complex', [mb.ones([2]), mb.ones([2])])), 'Tensor complex64[2] [1+1j, 1+1j]')
})

t.test('random numbers: seeded, saved, restored, the same as PyTorch with the same seed', async (t) => {
  mb.manualSeed(0)
  // torch.manual_seed(0); torch.randn(3)
  t.ok(mb.randn([3]).allclose(mb.tensor([1.5409960746765137, -0.293428897857666, -2.1787893772125244])))
  const state = mb.getRandomState()
  const first = mb.rand([5])
  mb.setRandomState(state)
  t.ok(mb.rand([5]).equal(first))
  t.throws(() => mb.setRandomState(new Uint8Array(3)), { op: 'setRandomState' })
  t.same(
    [...mb.randperm(10).toTypedArray()].map(Number).sort((a, b) => a - b),
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
  )
  const integers = mb.randint(-2, 3, [1000])
  t.equal(integers.amin().item(), -2)
  t.equal(integers.amax().item(), 2)
})

t.test('callOp reaches everything, and says what it wants', async (t) => {
  const x = mb.randn([1, 2, 5, 5])
  const w = mb.randn([3, 2, 3, 3])
  const viaOp = mb.callOp('aten::conv2d', [x, w, null, [1, 1], [1, 1], [1, 1], 1])
  t.ok(viaOp.equal(mb.nn.functional.conv2d(x, w, { padding: 1 })))
  t.same(mb.callOp('add', [mb.ones([2]), 2], { alpha: 3 }).toArray(), [7, 7], 'another overload, named arguments')
  t.same(mb.callOp('aten::full', [[2], 5], { dtype: 'int64' }).toArray(), [5, 5])
  const [values, indices] = mb.callOp('aten::max.dim', [mb.tensor([[1, 5, 2]]), 1])
  t.same([values.toArray(), indices.toArray()], [[5], [1]])
  const y = mb.ones([2], { requiresGrad: true })
  mb.callOp('aten::sum', [mb.callOp('aten::lgamma', [y])]).backward()
  t.ok(y.grad, 'with autograd')
  t.throws(() => mb.callOp('aten::conv2d', [x]), { code: 'ERR_TYPE', op: 'callOp', message: /weight/ })
  t.throws(() => mb.callOp('aten::nonesuch', []), { code: 'ERR_VALUE' })
  t.throws(() => mb.callOp('aten::_cholesky_solve_helper', []), { code: 'ERR_VALUE' })
})

t.test('variance with any correction', async (t) => {
  // Squared deviations of 1, 2, 3, 5 from their mean 2.75 sum to 8.75.
  const x = mb.tensor([[1, 2, 3, 5]], { dtype: 'float64' })
  for (const correction of [0, 0.5, 1, 2]) {
    const expected = 8.75 / (4 - correction)
    t.ok(Math.abs(x.var({ correction }).item() - expected) < 1e-12, `correction ${correction}`)
    t.ok(Math.abs(x.std({ dim: 1, correction }).item() - Math.sqrt(expected)) < 1e-12)
  }
})
