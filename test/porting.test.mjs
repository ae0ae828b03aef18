// Every row of README's table "Coming from PyTorch", run on both sides: PyTorch's results are in test/golden/porting.json
// (scripts/goldens/porting.py), and the code on the right runs here, as it stands in README, with the same values.
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as mb from 'mbconv'
import t from 'tap'
import { onnxModel } from './helpers/protobuf.mjs'

const section = readFileSync(new URL('../README.md', import.meta.url), 'utf8').split('## Coming from PyTorch')[1]
const table = section.slice(0, section.indexOf('\n\n', section.indexOf('\n| ')))
const rows = table
  .split('\n')
  .filter((line) => line.startsWith('| '))
  .slice(1)
  .map((line) => line.slice(2, -2).split(' | '))
const golden = JSON.parse(readFileSync(new URL('golden/porting.json', import.meta.url), 'utf8')).rows

/** Runs statements and gives the value of the last one, an expression. It may wait. */
function run(code, values) {
  const statements = code.split('; ')
  const last = statements.pop()
  const body = `return (async () => { ${statements.join('; ')}; return (${last}) })()`
  return new Function('mb', ...Object.keys(values), body)(mb, ...Object.values(values))
}

/** Numbers and texts. */
function flat(value) {
  if (value instanceof mb.Tensor) return [value.toArray()].flat(Number.POSITIVE_INFINITY).map(Number)
  if (typeof value === 'boolean') return [Number(value)]
  if (typeof value !== 'object') return [value]
  return (Symbol.iterator in value ? [...value] : Object.values(value)).flatMap(flat)
}

const wave = (numel, f) => Float64Array.from({ length: numel }, (_, i) => f(i))
const picture = (...shape) =>
  mb.fromTypedArray(
    wave(
      shape.reduce((a, b) => a * b),
      (i) => Math.cos(i * 0.01),
    ),
    shape,
    { dtype: 'float32' },
  )
/** The state dict of scripts/goldens/porting.py. */
function lively(state) {
  const names = Object.keys(state).sort()
  return Object.fromEntries(
    names.map((name, k) => {
      const { shape, numel } = state[name]
      if (name.endsWith('num_batches_tracked')) return [name, state[name]]
      const sine = wave(numel, (i) => Math.sin(i * 0.37 + k))
      const [scale, shift] = name.endsWith('running_var')
        ? [0.1, 1]
        : shape.length > 1
          ? [Math.sqrt(2 / (numel / shape[0])), 0]
          : [0.1, name.endsWith('weight') ? 1 : 0]
      return [
        name,
        mb.fromTypedArray(
          sine.map((x) => x * scale + shift),
          shape,
          { dtype: 'float32' },
        ),
      ]
    }),
  )
}
const NETWORK = { numClasses: 10, profile: 'torchvision', init: 'none' }

/**
 * What a row needs besides its values: `run(spans, values, t)` gives the result of the spans of code on the right. Rows
 * that are not listed run each span, and every span must give PyTorch's result.
 */
const ROWS = {
  "`torch.zeros(2, 3, device='cuda')`": async ([zeros], values, t) => {
    if (!mb.cuda.isAvailable()) await t.rejects(run(zeros, values), { code: 'ERR_CUDA_UNAVAILABLE' })
    return run(zeros.replace('cuda', 'cpu'), values)
  },
  '`loss.backward(); w.grad`': ([code], { w, x }) => {
    const loss = x.matmul(w.requiresGrad_()).square().sum()
    return run(code, { loss, w })
  },
  '`with torch.no_grad():`': async ([code], { w }) => {
    const y = await run(code.replace('…', 'w.mul(2)'), { w: w.requiresGrad_() })
    return [y, y.requiresGrad]
  },
  "`with torch.autocast('cpu', torch.bfloat16):`": async ([code], { x, w }) => {
    const y = await run(code.replace('…', 'x.matmul(w)'), { x, w })
    return [y.float(), y.dtype]
  },
  '`torch.amp.GradScaler()`': async ([code]) => (await run(code, {})).scale(mb.tensor(1)),
  '`class F(torch.autograd.Function)`': async ([code], { x }) => {
    const forward = (context, x) => {
      context.save(x)
      return x.pow(3)
    }
    const backward = ({ saved: [x] }, gradient) => gradient.mul(3).mul(x.square())
    const cube = await run(code, { forward, backward })
    const y = cube(x.requiresGrad_())
    y.sum().backward()
    return [y, x.grad]
  },
  '`torch.utils.checkpoint.checkpoint(f, x)`': async ([code, name], { x }) => {
    t.equal(await run(name, {}), mb.recompute, `${name} is the same function`)
    const y = await run(code, { f: (x) => x.sin().mul(x), x: x.requiresGrad_() })
    y.sum().backward()
    return [y, x.grad]
  },
  "`torch.einsum('ij,jk->ik', a, b)`": async ([product, solution], values) => [
    await run(product, values),
    await run(solution, values),
  ],
  '`torch._foreach_add_(ps, gs, alpha=-lr)`': async ([code], { p, g }) => {
    const ps = [p, p.mul(2)]
    await run(code, { ps, gs: [g, g.add(1)], lr: 0.5 })
    return ps
  },
  '`torch.nn.init.kaiming_normal_(w)`': ([code], { w }) => {
    mb.manualSeed(3)
    return run(code, { w })
  },
  '`torchvision.models.efficientnet_b0(num_classes=10)`': async ([code]) => {
    const model = await run(code, {})
    const keys = Object.keys(model.stateDict()).sort().join(' ')
    const count = model.parameters().reduce((sum, { numel }) => sum + numel, 0)
    return [count, createHash('sha256').update(keys).digest('hex')]
  },
  '`model.load_state_dict(load_file(p))`': async ([code], { weight, bias, x }, t) => {
    const p = join(t.testdir(), 'linear.safetensors')
    mb.io.safetensors.write(p, { weight, bias })
    const model = new mb.nn.Linear(3, 2)
    await run(code, { model, p })
    return model.forward(x)
  },
  '`load_state_dict` from a file of timm or torchvision, or from a `.pth` file': async ([code], _, t) => {
    const p = join(t.testdir(), 'b0.safetensors')
    const model = mb.models.create('efficientnet_b0', NETWORK).eval()
    mb.io.safetensors.write(p, lively(model.stateDict()))
    await run(code, { model, p })
    return model.forward(picture(1, 3, 32, 32))
  },
  // The file itself is 20 MB, and is not fetched by tests: without it, the call says how to get it.
  "`timm.create_model('tf_efficientnet_b0.ns_jft_in1k', pretrained=True)`": ([pull, code]) => {
    t.equal(pull, 'mbconv pull')
    const name = /'(.*)'/.exec(code)[1]
    const { arch } = mb.models.publishedWeightsNamed(name)
    return mb.models.count(mb.models.arch(arch)).params
  },
  "`torch.save(model.state_dict(), 'b0.pth')`": async ([code], _, t) => {
    const model = mb.models.create('efficientnet_b0', { ...NETWORK, profile: 'timm' })
    const path = join(t.testdir(), 'b0.pth')
    await run(code.replace("'b0.pth'", 'path'), { model, path })
    const names = [...mb.io.pth.read(path).value.keys()].sort().join(' ')
    return createHash('sha256').update(names).digest('hex')
  },
  "`timm.create_model('efficientnet_b0', num_classes=0, in_chans=1, global_pool='max')`": async ([code]) => {
    const model = (await run(code, {})).eval()
    const count = model.parameters().reduce((sum, { numel }) => sum + numel, 0)
    return [count, ...model.forward(picture(2, 1, 64, 64)).shape]
  },
  "`torch.onnx.export(model, x, 'b0.onnx')`": async ([code], _, t) => {
    const model = mb.models.create('efficientnet_b0', NETWORK)
    const path = join(t.testdir(), 'b0.onnx')
    await run(code.replace("'b0.onnx'", 'path'), { model, path })
    const { inputs, outputs } = onnxModel(readFileSync(path))
    return [...inputs[0].shape.slice(1), ...outputs[0].shape.slice(1)].map(Number)
  },
  '`model.to(memory_format=torch.channels_last)`': async ([code]) => {
    const model = new mb.nn.Conv2d(3, 4, 3)
    await run(code, { model })
    return model.weight.strides
  },
  '`torch.nn.utils.clip_grad_norm_(params, 1)`': async ([code], { w }) => {
    w.requiresGrad_().square().sum().backward()
    return [await run(code, { params: [w] }), w.grad]
  },
  '`torch.use_deterministic_algorithms(True)`': async ([code]) => {
    try {
      await run(code, {})
      return mb.isDeterministic()
    } finally {
      mb.setDeterministic(false)
    }
  },
  '`x.share_memory_()`, a queue': async ([send, receive], { x }) => {
    let message
    await run(send, { x, port: { postMessage: (posted) => (message = structuredClone(posted)) } })
    const y = await run(receive, { message })
    y.fill_(5)
    return [x, true]
  },
  "timm's `RMSpropTF`": async ([code], { w, g }) => {
    const optimizer = await run(code.replace('…', '[w], { lr: 0.1 }'), { w: w.requiresGrad_() })
    for (let step = 0; step < 3; step++) {
      w.grad = g
      optimizer.step()
    }
    return w.detach()
  },
  '`torch.manual_seed(0)`': async ([code]) => {
    await run(code, {})
    return mb.rand([4])
  },
  // `using` needs a newer Node than the oldest one promised; test/types/use.mts has it.
  '`del x`': async ([scope, dispose]) => {
    const x = mb.ones([2])
    let inner
    await run(scope.replace('…', '{ take(mb.ones([2])) }'), { take: (made) => (inner = made) })
    await run(dispose, { x })
    return x.isDisposed && inner.isDisposed
  },
}

t.test('every row has a result of PyTorch, and every one of these belongs to a row', async (t) => {
  t.ok(rows.length >= 33)
  t.same(
    golden.map(({ python }) => python),
    rows.map(([python]) => python),
    'run scripts/goldens/porting.py after a change of the table',
  )
  for (const python of Object.keys(ROWS))
    t.ok(
      rows.some(([cell]) => cell === python),
      python,
    )
})

for (const { python, given, outputs } of golden) {
  t.test(`${python} on both sides`, async (t) => {
    const right = rows.find(([cell]) => cell === python)?.[1] ?? ''
    const spans = [...right.matchAll(/`([^`]+)`/g)].map(([, code]) => code)
    const values = () =>
      Object.fromEntries(Object.entries(given).map(([name, { data, shape }]) => [name, mb.tensor(data).reshape(shape)]))
    const results = Object.hasOwn(ROWS, python)
      ? [await ROWS[python](spans, values(), t)]
      : await Promise.all(spans.filter((span) => /[(.]/.test(span)).map((span) => run(span, values())))
    t.ok(results.length > 0)
    for (const result of results) {
      const actual = flat(result)
      t.equal(actual.length, outputs.length, `${python}: as many numbers`)
      const scale = Math.max(1, ...outputs.filter((x) => typeof x === 'number').map(Math.abs))
      const close = (a, b) => a === b || Math.abs(a - b) <= 2e-5 * scale
      t.ok(
        actual.every((a, i) => close(a, outputs[i])),
        `${python}: ${JSON.stringify(actual.slice(0, 12))}, PyTorch has ${JSON.stringify(outputs.slice(0, 12))}`,
      )
    }
  })
}
