// The targets of the fuzz: every function, class, method and accessor of the public API, found by walking the exports.
import { copyFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { LAYERS } from './layers.mjs'

/**
 * Exported classes are wrapped in proxies, whose source is not a class's. But a class's prototype is never writable.
 */
const isClass = (value) =>
  typeof value === 'function' && Object.getOwnPropertyDescriptor(value, 'prototype')?.writable === false
const isNamespace = (value) => typeof value === 'object' && value !== null && value.__esModule === true

/** Exports that are data, by path, with a description. Any other export must be a function or a class. */
export const DATA = {
  'data.ARRANGEMENTS': 'names of arrangements',
  'data.TEXTURES': 'names of textures',
  'experiment.experimentSchema': 'a schema of zod, whose methods are its own',
  trainConfigSchema: 'a schema of zod, whose methods are its own',
  'models.COUNTING_RULE': 'text',
  'models.PROFILE_NAMES': 'names of profiles',
}

/** Calls that take long when they succeed, or start threads and processes: the share that is made. */
export const RARE = {
  train: 0.05,
  'experiment.run': 0.05,
  'experiment.plan': 0.1,
  'experiment.report': 0.3,
  'experiment.compare': 0.3,
  exportRun: 0.3,
  evaluateRun: 0.3,
  explainImage: 0.3,
  predictImages: 0.3,
  predictEach: 0.3,
  loadPredictor: 0.05,
  'models.create': 0.2,
  'models.fit': 0.1,
  'models.measureLatency': 0.1,
  'models.exportOnnx': 0.1,
  'models.gradCam': 0.1,
  'models.pretrained': 0.1,
  'models.pull': 0.1,
  'models.summary': 0.2,
  'debug.trackTensors': 0.3,
  'data.loadDigits': 0.1,
  'data.loadScenes': 0.1,
  opNames: 0.1,
}

/** Calls that run their arguments or go backward through a graph: how many times as often as others. */
export const OFTEN = {
  autogradFunction: 30,
  checkpoint: 30,
  scope: 15,
  noGrad: 5,
  enableGrad: 5,
  inferenceMode: 5,
  autocast: 5,
  grad: 15,
  keep: 5,
  'Tensor#backward': 15,
  'nn.Sequential#forward': 5,
}

/** A network of a few thousand parameters. */
export function tinyArch(mb) {
  const stage = { kernel: 3, stride: 1, expand: 1, channels: 4, layers: 1, seRatio: 0.25 }
  return {
    ...mb.models.arch('efficientnet_b0'),
    name: 'tiny',
    stem: 4,
    stages: [stage, { ...stage, stride: 2, expand: 2 }],
    head: 8,
    resolution: 8,
    divisor: 4,
  }
}

function tinyDataset() {
  const length = 6
  const images = Uint8Array.from({ length: length * 16 }, (_, i) => (i * 37) % 256)
  const labels = Int32Array.from({ length }, (_, i) => i % 2)
  const read = (i) => images.subarray(16 * i, 16 * i + 16)
  return { name: 'tiny', classes: ['a', 'b'], shape: [1, 4, 4], length, labels, read, fingerprint: () => '0' }
}

const LOADER = { batchSize: 2, size: 4, mean: 0.5, std: 0.5 }
const CONFIG = {
  device: 'cpu',
  threads: 1,
  epochs: 1,
  model: { name: 'efficientnet_b0', width: 0.25, depth: 0.1, resolution: 8 },
  data: {
    ...{ dataset: 'idx', trainImages: 'images.idx', trainLabels: 'labels.idx' },
    ...{ testImages: 'images.idx', testLabels: 'labels.idx', batchSize: 16, evalBatchSize: 24 },
  },
  run: { dir: 'runs', name: 'run' },
}

/** Arguments for calls whose types say too little, by path. The first set fits, and is spoilt like all others. */
export const FITTING = {
  train: ({ pick }) => [structuredClone(CONFIG), { worker: pick([true, false, false]) }],
  parseConfig: () => [structuredClone(CONFIG)],
  'data.Loader': () => [tinyDataset(), { ...LOADER, shuffle: true }],
  'data.inMemory': () => [
    { name: 'a', classes: ['a', 'b'], shape: [1, 2, 2], images: new Uint8Array(8), labels: [0, 1] },
  ],
  'data.loadScenes': () => [{ size: 8, train: 2, test: 1 }],
  'data.statistics': () => [tinyDataset()],
  'data.normalization': () => [tinyDataset(), { mean: null, std: null }],
  'models.create': ({ pick }, mb) => [tinyArch(mb), { numClasses: 2, init: pick(['none', 'paper']), seed: 1 }],
  'models.count': (_, mb) => [tinyArch(mb), {}],
  'models.scale': (_, mb) => [tinyArch(mb), { width: 1.1, depth: 1.2, resolution: 16 }],
  'models.stageTable': (_, mb) => [tinyArch(mb)],
  'models.estimateMemory': (_, mb) => [tinyArch(mb), { batch: 2 }],
  'models.summary': (_, mb) => [tinyArch(mb), {}],
  'models.measureLatency': (_, mb) => [tinyArch(mb), { runs: 1, warmup: 0 }],
  'models.fit': (_, mb) => [{ base: tinyArch(mb), budget: { params: { times: 2 } } }],
  'models.parseStage': ({ pick }) => [
    pick(['mb_r1_k3_s1_e1_c16_se0.25', 'mb_r0_k3', 'ds_r1_k3_s1_e1_c16', 'mb_r1_k3_s1_e1_c']),
  ],
  'optim.decayGroups': (_, _mb, { network }) => [network()],
  'optim.layerwiseGroups': (_, _mb, { network }) => [network(), { decay: 0.9, weightDecay: 0 }],
  'optim.Ema': (_, _mb, { network }) => [network(), { decay: 0.9 }],
  'models.gradCam': (_, mb, { network, own }) => [network().eval(), own(mb.rand([1, 3, 8, 8])), {}],
  'models.exportOnnx': (_, _mb, { network }) => [network(), 'model.onnx', {}],
  'models.saveWeights': (_, _mb, { network }) => [network(), 'saved.safetensors', {}],
  'models.loadWeights': (_, _mb, { network }) => [network(), 'tiny.safetensors', {}],
  'nn.functional.crossEntropy': (_, mb, { own }) => [own(mb.rand([2, 3])), own(mb.tensor([1n, 2n])), {}],
  'nn.functional.conv2d': (_, mb, { own }) => [own(mb.rand([1, 2, 5, 5])), own(mb.rand([2, 2, 3, 3])), { padding: 1 }],
  einsum: (_, mb, { own }) => ['ij,jk->ik', [own(mb.rand([2, 3])), own(mb.rand([3, 2]))]],
  callOp: ({ pick }, mb, { own }) => [
    pick(['aten::add', 'aten::cat', 'aten::relu']),
    [own(mb.rand([2])), own(mb.rand([2]))],
  ],
}

/** Objects to call methods on, by class. They also serve as arguments of that type. */
export const INSTANCES = {
  Tensor: (_, context) => context.tensor(),
  ...LAYERS,
  ModuleDict: (mb) => new mb.nn.ModuleDict({ a: new mb.nn.Linear(3, 2) }),
  ModuleList: (mb) => new mb.nn.ModuleList([new mb.nn.Linear(3, 2), new mb.nn.ReLU()]),
  Module: (mb, context) => {
    const forward = context.callback()
    class Own extends mb.nn.Module {
      constructor() {
        super()
        this.inner = new mb.nn.Linear(3, 2)
        this.registerParameter('weight', mb.zeros([2]))
        this.registerBuffer('buffer', mb.zeros([2]))
      }
      forward(x) {
        return forward(x)
      }
    }
    return new Own()
  },
  Sequential: (mb) => new mb.nn.Sequential(new mb.nn.Linear(3, 2), new mb.nn.ReLU()),
  Network: (_, context) => context.network(),
  Optimizer: (mb, context) => INSTANCES.SGD(mb, context),
  SGD: (mb, { own }) => new mb.optim.SGD([own(mb.rand([2], { requiresGrad: true }))], { lr: 0.1, momentum: 0.9 }),
  AdamW: (mb, { own }) => new mb.optim.AdamW([own(mb.rand([2], { requiresGrad: true }))], { lr: 0.1 }),
  Lamb: (mb, { own }) => new mb.optim.Lamb([own(mb.rand([2], { requiresGrad: true }))], { lr: 0.1 }),
  Lion: (mb, { own }) => new mb.optim.Lion([own(mb.rand([2], { requiresGrad: true }))], { lr: 0.1 }),
  RMSprop: (mb, { own }) => new mb.optim.RMSprop([own(mb.rand([2], { requiresGrad: true }))], { lr: 0.1 }),
  Ema: (mb, { own }) => new mb.optim.Ema(own(new mb.nn.Linear(3, 2))),
  GradScaler: (mb) => new mb.optim.GradScaler(),
  Loader: (mb) => new mb.data.Loader(tinyDataset(), LOADER),
  MbconvError: (mb) => new mb.MbconvError('ERR_TYPE', 'text', { op: 'op' }),
  Placeholder: (mb) => new mb.io.pth.Placeholder('a.b'),
  StoredTensor: (mb) => mb.io.pth.read('w.pth').value.values().next().value,
  // Without a GPU, an empty object with that prototype.
  Graph: (mb) => Object.create(mb.cuda.Graph.prototype),
  Event: (mb) => (mb.cuda.isAvailable() ? new mb.cuda.Event() : Object.create(mb.cuda.Event.prototype)),
  Stream: (mb) => (mb.cuda.isAvailable() ? new mb.cuda.Stream() : Object.create(mb.cuda.Stream.prototype)),
}

/** Writes files to the current folder, for calls that read them. */
export function writeFiles(mb) {
  if (!process.cwd().startsWith(tmpdir())) throw new Error('the fuzz writes files: it runs in a temporary folder only')
  mb.scope(() => mb.io.safetensors.write('w.safetensors', { w: mb.ones([2, 3]), b: mb.zeros([2]) }))
  const network = mb.models.create(tinyArch(mb), { init: 'none', numClasses: 2 })
  mb.scope(() => mb.io.safetensors.write('tiny.safetensors', network.stateDict()))
  network.dispose()
  copyFileSync(new URL('../../test/golden/pth/dtypes.pth', import.meta.url), 'w.pth')
  mb.data.writeIdx('images.idx', { dtype: 'uint8', shape: [2, 4, 4], data: new Uint8Array(32) })
  mb.data.writeIdx('labels.idx', { dtype: 'uint8', shape: [2], data: new Uint8Array(2) })
  writeFileSync('text.txt', 'a text\n')
  writeFileSync('empty', '')
  writeFileSync('config.yaml', 'model:\n  name: efficientnet_b0\nepochs: 1\n')
  const png =
    'iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAAFklEQVR4nGP8z8DAwMDAxMDAwMDAAAANHQEDasKb6QAAAABJRU5ErkJggg=='
  writeFileSync('picture.png', Buffer.from(png, 'base64'))
}

/**
 * @returns [{ name, path, how, … }]: `how` is 'call', 'construct', or 'method', 'get', 'set' with the instance's class
 */
export function findTargets(mb, network) {
  const found = []
  const unknown = []
  const add = (target) => found.push(target)

  function addMembers(Class, name, path) {
    for (const key of Reflect.ownKeys(Class)) {
      const { value } = Object.getOwnPropertyDescriptor(Class, key)
      if (typeof value === 'function' && key !== 'prototype')
        add({ name: `${path}.${String(key)}`, how: 'call', path, fn: (...args) => value.apply(Class, args) })
    }
    const seen = new Set(['constructor'])
    for (let at = Class.prototype; at !== null && at !== Object.prototype && at !== Error.prototype; ) {
      for (const key of Reflect.ownKeys(at)) {
        if (seen.has(key)) continue
        seen.add(key)
        const { value, get, set } = Object.getOwnPropertyDescriptor(at, key)
        const member = { path, class: name, key }
        const label = typeof key === 'symbol' ? `[${key.description}]` : key
        if (typeof value === 'function') add({ name: `${path}#${label}`, how: 'method', ...member })
        if (get) add({ name: `get ${path}#${label}`, how: 'get', ...member })
        if (set) add({ name: `set ${path}#${label}`, how: 'set', ...member })
      }
      at = Object.getPrototypeOf(at)
    }
  }

  function walk(space, prefix) {
    for (const key of Object.keys(space)) {
      const [value, path] = [space[key], prefix + key]
      if (isNamespace(value)) walk(value, `${path}.`)
      else if (isClass(value)) {
        add({ name: `new ${path}`, how: 'construct', path, fn: (...args) => new value(...args) })
        if (INSTANCES[key] === undefined) unknown.push(`${path}: no instance of it in INSTANCES`)
        else addMembers(value, key, path)
      } else if (typeof value === 'function') add({ name: path, how: 'call', path, fn: (...args) => value(...args) })
      else if (DATA[path] === undefined) unknown.push(`${path}: neither a function nor in DATA`)
    }
  }
  walk(mb, '')
  addMembers(network.constructor, 'Network', 'Network')
  if (unknown.length > 0) throw new Error(`exports that the fuzz does not know:\n  ${unknown.join('\n  ')}`)
  return found
}
