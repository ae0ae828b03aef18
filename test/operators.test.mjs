// docs/operators.md lists every typed operation, what callOp reaches besides, and what it refuses: compared with what
// there is. And no operator that callOp reaches ends the process: the calls that ever did, and a sample of a sweep.
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import * as mb from 'mbconv'
import t from 'tap'
import { kindOf, standing } from '../scripts/operator-names.mjs'
import { chooser, parseSchema } from '../scripts/sweep-operators/arguments.mjs'
import { sweep } from '../scripts/sweep-operators/run.mjs'
import { internal } from './helpers/internals.mjs'

const script = fileURLToPath(new URL('../scripts/operators.mjs', import.meta.url))
const golden = JSON.parse(readFileSync(new URL('golden/operators-sweep.json', import.meta.url), 'utf8'))
const { REFUSALS, refusalOf } = internal('operatorRefusals')
const { native } = internal('addon')

t.test('docs/operators.md is up to date', async (t) => {
  const run = spawnSync(process.execPath, [script, '--check'], { encoding: 'utf8' })
  t.equal(run.status, 0, run.stderr + run.stdout)
})

t.test(
  'the 310 names that timm and torchvision use most: what is said to be typed is there, the rest is not',
  async (t) => {
    const { names, made_with } = JSON.parse(
      readFileSync(new URL('golden/operator-names.json', import.meta.url), 'utf8'),
    )
    t.match(made_with, /timm 1\.0\.29, torchvision 0\.28/)
    t.equal(names.length, 310)
    const docs = readFileSync(new URL('../docs/operators.md', import.meta.url), 'utf8')
    const rows = standing(mb, (name) => mb.opNames().includes(`aten::${name}`))
    t.same(
      rows.map(({ name }) => name),
      names.map(([name]) => name),
      'every name has its row',
    )
    for (const { name, uses, status, path, here } of rows) {
      t.ok(docs.includes(`\n| ${name} | ${uses} | ${status} | ${here} |\n`), `${name}: in docs/operators.md`)
      if (status === 'typed') t.match(kindOf(mb, path), /^(function|property)$/, `${name}: ${path}`)
      if (status === 'callOp') t.ok(mb.opSchemas(name.slice(name.lastIndexOf('.') + 1)).length > 0, name)
    }
    const typed = rows.filter(({ status }) => status === 'typed').length
    t.ok(typed >= 285, `${typed} are typed`)
    t.equal(kindOf(mb, 't.sparseMask'), undefined, 'what is not there is not found')
    t.equal(kindOf(mb, 'mb.constructor'), undefined)
  },
)

t.test('every operator listed can be asked for its schemas', async (t) => {
  const names = mb.opNames()
  t.ok(names.includes('aten::add') && names.includes('aten::lgamma_'))
  t.match(mb.opSchemas('aten::lgamma').join(), /lgamma\(Tensor self\)/)
})

t.test('what is refused says why, and what to call instead', async (t) => {
  const x = mb.zeros([1, 2, 7])
  for (const name of [
    'aten::reflection_pad1d_backward',
    'reflection_pad1d_backward',
    'reflection_pad1d_backward.grad_input',
  ])
    t.throws(() => mb.callOp(name, [x, x, [1]]), {
      code: 'ERR_VALUE',
      op: 'callOp',
      message: `callOp: "${name}" computes a gradient and relies on autograd for valid arguments`,
      hint: /backward\(\) or grad\(\)/,
    })
  t.throws(() => mb.callOp('quantized::embedding_bag_2bit_prepack', [mb.zeros([1, 1, 1, 1, 1])]), { code: 'ERR_VALUE' })
  t.throws(() => mb.callOp('_unique2\u001b', [x]), { message: /^callOp: "_unique2\\u001b" is internal/ })
  const all = native().opNames()
  t.same(
    mb.opNames(),
    all.filter((name) => refusalOf(name) === undefined),
  )
  for (const refusal of REFUSALS) {
    const name = all.find((one) => refusalOf(one) === refusal)
    t.throws(() => mb.callOp(name, []), { code: 'ERR_VALUE', message: refusal.reason }, refusal.rule)
    // Another libtorch has other operators.
    if (mb.versions().libtorch.startsWith(golden.libtorch))
      t.equal(
        all.filter((one) => refusalOf(one) === refusal).length,
        golden.refused[refusal.rule],
        'as the sweep found',
      )
  }
})

t.test('arguments that libtorch does not check are checked here, and good ones pass', async (t) => {
  const vector = (...values) => mb.tensor(values.map(BigInt))
  const cases = [
    ['aten::mvlgamma', [mb.ones([1]), 2 ** 31], /p must be at most 1048576, got 2147483648/],
    ['mvlgamma_', [mb.ones([1]), 2 ** 31], /p must be/],
    ['aten::special_legendre_polynomial_p', [mb.ones([1]), mb.tensor([1e9])], /n must be at most/],
    ['aten::special_laguerre_polynomial_l', [mb.ones([1]), 2 ** 40], /n must be at most/],
    ['aten::combinations', [mb.ones([2]), 65], /r must be/],
    ['aten::tensor_split', [mb.ones([2]), 2 ** 31], /sections must be/],
    ['aten::random_', [mb.ones([2]), 2n ** 63n - 1n, null], /from must be/],
    ['aten::linalg_matrix_power', [mb.eye(2), -(2n ** 63n)], /n must be at least/],
    ['aten::linalg_eigvals', [mb.full([3, 3], Number.NaN)], /self holds NaN/],
    ['aten::binomial', [mb.full([1], Number.NaN), mb.ones([1])], /count holds NaN/],
    ['aten::pdist', [mb.zeros([0, 3]), 0.5], /self has no rows/],
    ['aten::lu_unpack', [mb.eye(3), mb.tensor([4, 1, 1], { dtype: 'int32' })], /from 1 to 3, found 4/],
    ['aten::lu_solve', [mb.ones([3, 1]), mb.eye(3), mb.tensor(1, { dtype: 'int32' })], /LU_pivots must be \[3\]/],
    ['aten::linalg_lu_solve', [mb.eye(3), mb.tensor([0, 1, 1], { dtype: 'int32' }), mb.ones([3, 1])], /found 0/],
    ['aten::linalg_ldl_solve', [mb.eye(3), mb.tensor([1, 2, -3], { dtype: 'int32' }), mb.ones([3, 1])], /second row/],
    ['aten::fractional_max_pool2d', [mb.ones([1, 5, 5]), [-2, 2], [3, 3], mb.ones([1, 1, 2])], /must be positive/],
    ['aten::upsample_bicubic2d', [mb.ones([1, 1, 4, 4]), [3, 3], false, 1e-300, 1], /scales must lie/],
    ['aten::as_strided_', [mb.ones([12]), [2, 1], [3, 1], 2n ** 63n - 1n], /reach 9\d+ elements far/],
    ['aten::as_strided', [mb.ones([12]), [2], [2n ** 62n]], /elements far/],
    ['aten::replication_pad2d', [mb.ones([1, 5, 6]), Array(4).fill(2n ** 63n - 1n)], /padding must be at most/],
    [
      'aten::scaled_dot_product_attention',
      [mb.ones([1, 2, 4, 3]), mb.ones([1, 0, 5, 3]), mb.ones([1, 0, 5, 3]), null, 0, false, null, true],
      /no heads/,
    ],
    ['aten::median.dim', [mb.ones([1]).expand([3]), 0], /self is expanded/],
    ['aten::embedding_bag', [mb.ones([4, 2]), vector(0, 1, 2), vector(0, 5)], /offsets must rise from 0 to 3/],
    ['aten::embedding_bag', [mb.ones([4, 2]), mb.zeros([2, 2], { dtype: 'int64' }), vector(0)], /must be vectors/],
  ]
  for (const [name, args, message] of cases)
    t.throws(() => mb.callOp(name, args), { code: 'ERR_VALUE', op: 'callOp', message }, name)
  t.throws(
    () => mb.callOp('aten::segment_reduce', [mb.ones([3]), 'sum'], { offsets: vector(0, 2, 9), axis: 0 }),
    { code: 'ERR_VALUE', message: /offsets must rise from 0 to 3/ },
    'an argument given by name',
  )
  t.throws(() => mb.callOp('aten::mvlgamma', [mb.ones([1])], { p: 2 ** 31 }), { message: /p must be/ })
  t.throws(() => mb.callOp('aten::zeros', [[2]], { dtype: 13 }), { message: /must be a dtype, got the number 13/ })

  // ln Γ₂(x) = ln(π)/2 + ln Γ(x) + ln Γ(x − ½); Γ(2) = 1, Γ(3/2) = √π/2.
  t.ok(Math.abs(mb.callOp('mvlgamma', [mb.tensor([2]), 2]).item() - Math.log(Math.PI / 2)) < 1e-6)
  const a = mb.tensor([
    [1, 2],
    [3, 4],
  ])
  const [lu, pivots] = mb.callOp('aten::linalg_lu_factor', [a])
  const [p, l, u] = mb.callOp('aten::lu_unpack', [lu, pivots])
  t.ok(p.matmul(l).matmul(u).sub(a).abs().max().item() < 1e-6)
  const s = mb.tensor([
    [0, 1],
    [1, 0],
  ])
  const [ld, blocks] = mb.callOp('aten::linalg_ldl_factor', [s])
  t.ok(
    blocks.toArray().every((pivot) => pivot < 0),
    'one block of two rows',
  )
  t.same(mb.callOp('aten::linalg_ldl_solve', [ld, blocks, mb.tensor([[5], [7]])]).toArray(), [[7], [5]])
  const bags = mb.callOp('aten::embedding_bag', [mb.tensor([[1], [2], [4]]), vector(0, 1, 2), vector(0, 1)])
  t.same(bags[0].toArray(), [[1], [6]])
  const segments = mb.callOp('aten::segment_reduce', [mb.tensor([1, 2, 4]), 'sum'], {
    offsets: vector(0, 1, 3),
    axis: 0,
  })
  t.same(segments.toArray(), [1, 6])
  const before = mb.memory().tensors
  t.same(
    mb.callOp('aten::median.dim', [a, 1]).map((one) => one.toArray()),
    [
      [1, 3],
      [0, 0],
    ],
  )
  t.equal(mb.memory().tensors, before + 2, 'checks leave nothing behind')
})

t.test('methods that reach the same kernels', async (t) => {
  for (const method of ['median', 'nanmedian']) {
    const x = mb.tensor([[5], [7]]).expand([2, 4])
    t.same(x[method]({ dim: 1 }).values.toArray(), [5, 7], `${method} of an expanded tensor`)
    const rows = mb.tensor([[5, 1, 3]]).expand([4, 3])
    t.same(rows[method]({ dim: 0 }).values.toArray(), [5, 1, 3])
  }
  t.throws(() => mb.linalg.matrixPower(mb.eye(2), -(2n ** 63n)), { code: 'ERR_VALUE' })
  t.throws(() => mb.nn.functional.pad(mb.ones([1, 5, 6]), Array(4).fill(2n ** 63n - 1n), { mode: 'replicate' }), {
    code: 'ERR_VALUE',
  })
  const columns = mb.ones([1, 8, 12])
  t.throws(() => mb.nn.functional.fold(columns, [4, 5], [2, 2], { padding: [2 ** 31, 0] }), { code: 'ERR_VALUE' })
  t.throws(() => mb.nn.functional.unfold(mb.ones([1, 2, 4, 5]), [2, 2], { padding: [2 ** 31, 0] }), {
    code: 'ERR_VALUE',
  })
})

/** The calls of a sweep that ended a child, each in a line. */
async function deaths(jobs, options) {
  const died = []
  const total = await sweep(jobs, {
    ...options,
    died: ({ name, how, description }) => died.push(`${name} ${how}: ${JSON.stringify(description)}`),
  })
  return { died, ...total }
}

t.test('calls that once were deadly no longer are', async (t) => {
  for (const guard of ['behind', 'before']) {
    const jobs = golden.died
      .filter((death) => death.guard === guard)
      .map(({ name, description }) => ({ name, descriptions: [description] }))
    t.ok(jobs.length > 0)
    const { died, calls, uncoded } = await deaths(jobs, { guard })
    t.same(died, [])
    t.same(uncoded, [])
    t.equal(calls, jobs.length)
  }
})

t.test('a sample of the sweep: no child dies', async (t) => {
  const seed = process.env.MBCONV_FUZZ_SEED ?? '1'
  const { chance } = chooser(`sample ${seed}`)
  const jobs = mb
    .opNames()
    .flatMap((name) => mb.opSchemas(name))
    .filter(() => chance(0.15))
    .map(parseSchema)
  const { died, calls, answered, uncoded } = await deaths(jobs, { calls: 12, seed })
  t.same(died, [])
  t.same(uncoded, [])
  t.ok(answered > calls / 4, `${answered} of ${calls} calls answered`)
})
