/* The training configuration: defaults, positions of mistakes, suggestions, overrides, hostile files. */
import fs from 'node:fs'
import path from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { parseConfig } from '../dist/train/config.js'
import { parseConfigFile } from '../dist/train/config-file.js'
import { editDistance, nearest } from '../dist/train/nearest.js'

const SMALLEST = 'model: {name: efficientnet_b0}\nepochs: 3\n'

/** Writes the text to a file called run.yaml and gives its path. */
function yaml(t, text) {
  const file = path.join(t.testdir({}), 'run.yaml')
  fs.writeFileSync(file, text)
  return file
}

/** The lines of the error that a file (and overrides) leads to, without its folder. */
function complaints(t, text, overrides = []) {
  const file = yaml(t, text)
  try {
    parseConfigFile(file, overrides)
  } catch (error) {
    t.equal(error.name, 'MbconvError', error.stack)
    t.equal(error.code, 'ERR_CONFIG')
    return { lines: error.message.replaceAll(file, 'run.yaml').split('\n'), hint: error.hint }
  }
  return t.fail('there should have been an error', { text, overrides })
}

t.test('the defaults are the recipe of the paper', async (t) => {
  const { config, source } = parseConfigFile(yaml(t, SMALLEST))
  t.match(source, { stem: 'run', overrides: [] })
  t.same(config, {
    seed: 0,
    device: 'auto',
    memoryFormat: 'channelsLast',
    threads: null,
    model: {
      name: 'efficientnet_b0',
      width: 1,
      depth: 1,
      resolution: null,
      divisor: 8,
      profile: 'paper',
      dropout: null,
      dropPath: 0.2,
    },
    data: {
      dataset: 'digits',
      batchSize: 64,
      evalBatchSize: 256,
      augment: { rotate: 0, translate: 0, scale: 0, shear: 0, flip: false },
      mean: null,
      std: null,
    },
    optimizer: { name: 'rmsprop', lr: 0.004, decay: 0.9, momentum: 0.9, eps: 1e-3, weightDecay: 1e-5 },
    schedule: { name: 'staircase', warmupEpochs: 5, decayEpochs: 2.4, decayRate: 0.97 },
    ema: { decay: 0.9999, warmup: true },
    labelSmoothing: 0.1,
    clipGradNorm: null,
    epochs: 3,
    maxSteps: null,
    evalEveryEpochs: 1,
    checkpoint: { everyEpochs: 1, everySteps: null, keep: 3 },
    onDivergence: 'stop',
    run: { dir: 'runs', name: null },
  })
  t.same(parseConfig({ model: { name: 'efficientnet_b0' }, epochs: 3 }), config, 'an object gets the same')
})

t.test('the rate of rmsprop follows the batch unless it is given', async (t) => {
  const rate = (data, optimizer) =>
    parseConfig({ model: { name: 'efficientnet_b0' }, epochs: 1, data, optimizer }).optimizer.lr
  t.equal(rate({ batchSize: 256 }), 0.016)
  t.equal(rate({ batchSize: 512 }, { name: 'rmsprop' }), 0.032)
  t.equal(rate({ batchSize: 512 }, { name: 'rmsprop', lr: 0.5 }), 0.5)
})

t.test('each optimiser and schedule has its own keys and defaults', async (t) => {
  const parsed = (optimizer, schedule) =>
    parseConfig({ model: { name: 'efficientnet_b0' }, epochs: 1, optimizer, schedule })
  t.same(parsed({ name: 'adamw', lr: 1e-3 }).optimizer, {
    name: 'adamw',
    lr: 1e-3,
    betas: [0.9, 0.999],
    eps: 1e-8,
    weightDecay: 0.01,
  })
  t.same(parsed({ name: 'sgd', lr: 1 }).optimizer, {
    name: 'sgd',
    lr: 1,
    momentum: 0.9,
    nesterov: true,
    weightDecay: 0,
  })
  t.same(parsed(undefined, { name: 'cosine' }).schedule, { name: 'cosine', warmupEpochs: 0, minLr: 0 })
  t.same(parsed(undefined, { name: 'constant' }).schedule, { name: 'constant', warmupEpochs: 0 })
  t.throws(() => parsed({ name: 'sgd' }), { code: 'ERR_CONFIG', message: 'optimizer.lr: is required: a number' })
  t.throws(() => parsed({ name: 'sgd', lr: 1, betas: [0.9, 0.99] }), { message: 'optimizer.betas: unknown key' })
})

t.test('every mistake is reported at once, each with its line and column', async (t) => {
  const { lines } = complaints(
    t,
    [
      'epoch: 3',
      'model:',
      '  name: efficientnet_b0',
      '  widht: .5',
      'weight_decay: 3',
      'optimizer:',
      '  name: adam',
      'ema: {decay: 2}',
      'data:',
      '  augment: {flip: yes}',
      'threads: 1.5',
    ].join('\n'),
  )
  t.same(lines, [
    'run.yaml:1:1 epoch: unknown key (did you mean epochs?)',
    'run.yaml:4:3 model.widht: unknown key (did you mean model.width?)',
    'run.yaml:5:1 weight_decay: unknown key (did you mean optimizer.weightDecay?)',
    'run.yaml:7:9 optimizer.name: must be rmsprop, sgd or adamw, not "adam" (did you mean adamw?)',
    'run.yaml:8:14 ema.decay: must be below 1, not 2 (how much of the average a step keeps)',
    'run.yaml:10:19 data.augment.flip: must be true or false, not "yes" (in YAML 1.2 yes is text; write true or false)',
    "run.yaml:11:10 threads: must be a whole number, not 1.5 (CPU threads; null: libtorch's choice)",
  ])
})

t.test('one mistake: the suggestion is the hint', async (t) => {
  const { lines, hint } = complaints(t, `${SMALLEST}optimizer:\n  name: sgd\n  lr: 0.1\n  momentun: 0.8\n`)
  t.same(lines, ['run.yaml:6:3 optimizer.momentun: unknown key'])
  t.equal(hint, 'did you mean optimizer.momentum?')
})

t.test('a key unlike any other lists what is known at its level', async (t) => {
  const { hint } = complaints(t, `${SMALLEST}schedule: {name: cosine, patience: 3}`)
  t.equal(hint, 'known here: name, warmupEpochs, minLr')
})

t.test('positions: aliases, lists, missing keys, values left out', async (t) => {
  t.same(complaints(t, `${SMALLEST}data: {mean: [0.5, x]}`).lines, [
    'run.yaml:3:20 data.mean.1: must be a number, not "x"',
  ])
  t.same(complaints(t, `${SMALLEST}optimizer:\n  name: adamw\n`).lines, [
    'run.yaml:3:1 optimizer.lr: is required: a number',
  ])
  t.same(complaints(t, `${SMALLEST}data:\n`).lines, [
    'run.yaml:3:1 data: must be a mapping of keys to values, not empty',
  ])
  t.same(
    complaints(t, `seed: &n -1\n${SMALLEST}threads: *n`).lines.map((line) => line.split(' ').slice(0, 2).join(' ')),
    ['run.yaml:1:10 seed:', 'run.yaml:4:10 threads:'],
  )
  t.same(complaints(t, '# nothing but this\n\nseed: 1\n').lines, [
    'run.yaml:3:1 model: is required: a mapping of keys to values',
    'run.yaml:3:1 epochs: is required: a number (passes over the training set)',
  ])
})

t.test('checks across keys', async (t) => {
  const idx = 'data:\n  dataset: idx\n  trainImages: a.idx\n'
  t.same(complaints(t, SMALLEST + idx).lines, [
    'run.yaml:3:1 data.trainLabels: is required with dataset: idx',
    'run.yaml:3:1 data.testImages: is required with dataset: idx',
    'run.yaml:3:1 data.testLabels: is required with dataset: idx',
  ])
  t.same(complaints(t, `${SMALLEST}data: {testLabels: x}`).lines, [
    'run.yaml:3:20 data.testLabels: has no effect with dataset: digits',
  ])
  t.same(complaints(t, `${SMALLEST}data: {mean: [0, 1], std: [1]}`).lines, [
    'run.yaml:3:27 data.std: must have as many channels as mean, 2, not 1',
  ])
  t.same(complaints(t, `${SMALLEST}optimizer: {name: sgd, lr: 1, momentum: 0}`).lines, [
    'run.yaml:3:41 optimizer.momentum: must be above 0 for nesterov',
  ])
  t.same(complaints(t, `${SMALLEST}optimizer: {name: sgd, lr: 1}\nschedule: {name: cosine, minLr: 2}`).lines, [
    'run.yaml:4:33 schedule.minLr: must be at most optimizer.lr, 1',
  ])
})

t.test('bounds', async (t) => {
  for (const [text, what] of [
    ['labelSmoothing: 1', 'must be below 1, not 1'],
    ['labelSmoothing: -.1', 'must be at least 0, not -0.1'],
    ['epochs: 0', 'must be at least 1, not 0'],
    ['clipGradNorm: 0', 'must be above 0, not 0'],
    ['clipGradNorm: .inf', 'must be a number, not Infinity'],
    ['device: gpu', 'must be auto, cpu, cuda or cuda:N, not "gpu"'],
    ['model: {name: efficientnet_b9x}', 'must be an architecture, not "efficientnet_b9x"'],
    ['ema: true', 'must be false or a mapping of keys to values, not true'],
    ['data: {std: {}}', 'must be a number or a list, not a mapping'],
    ['run: {name: ../up}', 'must be a plain folder name, not "../up"'],
    ['run: {name: 12}', 'must be text, not 12'],
    ['seed: 1e300', 'must be at most 9007199254740991, not 1e+300'],
    ['optimizer: {name: adamw, lr: 1, betas: [0.9]}', 'must be a list of at least 2, not a list'],
  ]) {
    const base = SMALLEST.split('\n')
      .filter((line) => line.split(':')[0] !== text.split(':')[0])
      .join('\n')
    const { lines } = complaints(t, `${base}${text}`)
    t.equal(lines.length, 1, text)
    t.ok(lines[0].endsWith(what), `${text} → ${lines[0]}`)
  }
  t.same(parseConfigFile(yaml(t, `${SMALLEST}device: cuda:3\nema: false\n`)).config.device, 'cuda:3')
})

t.test('overrides come last, are YAML, and may name any key', async (t) => {
  const file = yaml(t, `${SMALLEST}ema: false\noptimizer: {name: sgd, lr: 1}\n`)
  const parsed = (...overrides) => parseConfigFile(file, overrides).config
  t.match(parsed('--epochs=7', '--optimizer.lr=1e-2', '--data.mean=[0.5]'), {
    epochs: 7,
    optimizer: { name: 'sgd', lr: 0.01 },
    data: { mean: [0.5] },
  })
  t.equal(parsed('--epochs=7', '--epochs=8').epochs, 8)
  t.equal(parsed('epochs=7').epochs, 7)
  t.same(parsed('--ema.decay=0.5').ema, { decay: 0.5, warmup: true }, 'in place of a value that is no mapping')
  t.equal(parsed('--optimizer={name: adamw, lr: 3}').optimizer.lr, 3)
  t.equal(parsed('--run.name="007"').run.name, '007')
  t.equal(parsed('--run.name=a=b').run.name, 'a=b')
  t.equal(parsed('--threads=').threads, null)
  const bare = yaml(t, SMALLEST)
  t.match(parseConfigFile(bare, ['--optimizer.lr=5', '--schedule.decayRate=1']).config, {
    optimizer: { name: 'rmsprop', lr: 5 },
    schedule: { name: 'staircase', decayRate: 1 },
  })
  const shared = yaml(
    t,
    `${SMALLEST}model: &m {name: efficientnet_b0}\n`.replace('model: {name: efficientnet_b0}\n', ''),
  )
  t.equal(parseConfigFile(shared, ['--model.width=2']).config.model.width, 2)
})

t.test('mistakes in overrides name the override', async (t) => {
  const { lines } = complaints(t, `${SMALLEST}seed: -1\n`, [
    '--epochs=x',
    '--optimizer.lrr=3',
    '--run.name=007',
    '--foo',
    '--a..b=1',
    '--b.c.d.e.f.g.h.i.j=1',
    '--x=[1',
    '--y=a: b',
    '--model={widht: 1, name: efficientnet_b0}',
  ])
  t.same(
    lines.map((line) => line.replace(/ \(.*/, '')),
    [
      'run.yaml:3:7 seed: must be at least 0, not -1',
      '--model model.widht: unknown key',
      '--optimizer.lrr: unknown key',
      '--epochs: must be a number, not "x"',
      '--run.name: must be text, not 7',
      '--foo: has no value',
      '--a..b: is not a dotted key',
      '--b.c.d.e.f.g.h.i.j: is not a dotted key',
      '--x: cannot be read as YAML: Flow sequence must end with a ]',
      '--y: must be a single value, a [list] or a {mapping: …}',
    ],
  )
  t.equal(complaints(t, SMALLEST, ['--optimizer.lrr=3']).hint, 'did you mean --optimizer.lr?')
  t.same(complaints(t, SMALLEST, ['--optimizer.name=adamw']).lines, [
    '--optimizer.name optimizer.lr: is required: a number',
  ])
  t.same(
    complaints(t, SMALLEST, ['--__proto__.x=1', '--constructor.x=1']).lines.map((line) => line.split(':')[0]),
    ['--__proto__.x __proto__', '--constructor.x constructor'],
  )
  t.equal({}.x, undefined)
})

t.test('data paths: of the file beside the file, of overrides and objects in the working directory', async (t) => {
  const files = { trainImages: 'a', trainLabels: '/abs/b', testImages: '../c', testLabels: 'd' }
  const file = yaml(t, `${SMALLEST}data: ${JSON.stringify({ dataset: 'idx', ...files })}\n`)
  const folder = path.dirname(file)
  const { data } = parseConfigFile(file, ['--data.testLabels=here']).config
  t.equal(data.trainImages, path.join(folder, 'a'))
  t.equal(data.trainLabels, '/abs/b')
  t.equal(data.testImages, path.join(folder, '..', 'c'))
  t.equal(data.testLabels, path.resolve('here'))
  const object = parseConfig({ model: { name: 'efficientnet_b0' }, epochs: 1, data: { dataset: 'idx', ...files } })
  t.equal(object.data.trainImages, path.resolve('a'))
  t.same(parseConfig(object), object, 'a whole configuration is its own configuration')
})

t.test('files that are no YAML', async (t) => {
  const bomb = ['a: &a [x,x,x,x,x,x,x,x,x]']
  for (const [name, previous] of ['ba', 'cb', 'dc', 'ed']) bomb.push(`${name}: &${name} [${`*${previous},`.repeat(9)}]`)
  for (const [text, message] of [
    ['', 'run.yaml: is empty'],
    ['# only this\n', 'run.yaml: is empty'],
    ['~', 'run.yaml: is empty'],
    ['[1, 2]', 'run.yaml:1:1 must be a mapping of keys to values, not a list'],
    ['hello', 'run.yaml:1:1 must be a mapping of keys to values, not a single value'],
    ['epochs: 1\nepochs: 2\n', 'run.yaml:2:1 this key is given a second time'],
    ['epochs: 1\n---\nepochs: 2\n', 'run.yaml:2:1 a second document begins here; only one is allowed'],
    ['epochs: *there', 'run.yaml:1:9 nothing is named &there'],
    ['epochs: !!js/function 3', 'run.yaml:1:9 is not YAML: Unresolved tag: tag:yaml.org,2002:js/function'],
    [
      'epochs: 1\nmodel: [',
      'run.yaml:2:9 is not YAML: Flow sequence in block collection must be sufficiently indented and end with a ]',
    ],
    ['epochs: 1\n\tmodel: 3', 'run.yaml:2:1 is not YAML: Tabs are not allowed as indentation'],
    [bomb.join('\n'), 'run.yaml: has too many aliases'],
    ['['.repeat(50000), 'run.yaml: is nested too deeply to read'],
    ['#'.repeat(300 * 1024), 'run.yaml: is larger than 256 KiB, so not a configuration'],
  ])
    t.equal(complaints(t, text).lines[0], message)
  t.equal(complaints(t, Buffer.from([0x65, 0xff, 0xfe])).lines[0], 'run.yaml: is not UTF-8 text')
  t.equal(
    complaints(t, '"\\u0007\\u001b[2J": 1').lines.at(-1).includes('\u001b'),
    false,
    'no control characters come out',
  )
})

t.test('files that cannot be read', async (t) => {
  const folder = t.testdir({ 'a.yaml': SMALLEST })
  t.throws(() => parseConfigFile(folder), { code: 'ERR_CONFIG', message: `${folder}: is a folder, not a YAML file` })
  const missing = path.join(folder, 'b.yaml')
  t.throws(() => parseConfigFile(missing), { code: 'ERR_CONFIG', message: `${missing}: there is no such file` })
  t.throws(() => parseConfigFile(path.join(folder, 'a')), { hint: `did you mean ${path.join(folder, 'a.yaml')}?` })
  t.throws(() => parseConfigFile(path.join(folder, 'a.yaml', 'b')), { code: 'ERR_CONFIG' })
  t.throws(() => parseConfigFile('a\0b'), { code: 'ERR_CONFIG' })
})

t.test('a file that may not be read', { skip: process.getuid?.() === 0 && 'root may read everything' }, async (t) => {
  const file = yaml(t, SMALLEST)
  fs.chmodSync(file, 0)
  t.throws(() => parseConfigFile(file), { code: 'ERR_CONFIG', message: `${file}: may not be read` })
})

t.test('the configurations that come along are right', async (t) => {
  for (const name of fs.readdirSync('configs')) t.ok(parseConfigFile(path.join('configs', name)).config, name)
})

t.test('objects of all kinds', async (t) => {
  for (const wrong of [undefined, null, 1, 'x', [], new Map(), () => {}])
    t.throws(() => parseConfig(wrong), { code: 'ERR_CONFIG', message: /^(the configuration|model)/ })
  t.throws(() => parseConfig({ model: { name: 'efficientnet_b0', dept: 1 }, epochs: 1 }), {
    message: 'model.dept: unknown key',
    hint: 'did you mean model.depth?',
  })
})

t.test('fuzz: any bytes are a configuration or ERR_CONFIG', async (t) => {
  const file = path.join(t.testdir({}), 'run.yaml')
  const check = (bytes, overrides) => {
    fs.writeFileSync(file, bytes)
    try {
      parseConfigFile(file, overrides)
    } catch (error) {
      if (error.code !== 'ERR_CONFIG') throw error
      if (/\p{Cc}/u.test(error.message.replaceAll('\n', ''))) throw new Error(`control characters: ${error.message}`)
    }
  }
  // Bytes alone seldom get past the parser, so: bytes, YAML's own characters, and values of all shapes under real keys.
  const keys = fc.constantFrom(
    'epochs',
    'model',
    'name',
    'optimizer',
    'lr',
    'data',
    'mean',
    'ema',
    'decay',
    '__proto__',
    'x',
  )
  const { tree } = fc.letrec((tie) => ({
    tree: fc.oneof(
      { maxDepth: 4 },
      fc.jsonValue(),
      fc.dictionary(keys, tie('tree')),
      fc.array(tie('tree'), { maxLength: 3 }),
    ),
  }))
  const soup = fc
    .array(fc.constantFrom(...'{}[]:,-&*!|>\'"%@`#? \n\tae1~<='), { maxLength: 60 })
    .map((list) => list.join(''))
  const overrides = fc.array(
    fc.oneof(
      fc.string(),
      fc.tuple(keys, keys, soup).map(([a, b, c]) => `--${a}.${b}=${c}`),
    ),
    { maxLength: 2 },
  )
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), overrides, check), { numRuns: 400 })
  fc.assert(fc.property(soup, overrides, check), { numRuns: 1000 })
  fc.assert(
    fc.property(tree, overrides, (value, list) => check(JSON.stringify(value), list)),
    { numRuns: 600 },
  )
  fc.assert(
    fc.property(tree, (value) => {
      try {
        parseConfig(value)
      } catch (error) {
        if (error.code !== 'ERR_CONFIG') throw error
      }
    }),
    { numRuns: 600 },
  )
  t.pass('nothing else came out')
})

t.test('edit distance', async (t) => {
  for (const [a, b, distance] of [
    ['', '', 0],
    ['', 'abc', 3],
    ['abc', 'abc', 0],
    ['abc', 'acb', 1],
    ['kitten', 'sitting', 3],
    ['ca', 'abc', 3],
  ]) {
    t.equal(editDistance(a, b), distance, `${a} ${b}`)
    t.equal(editDistance(b, a), distance, `${b} ${a}`)
  }
  const word = fc.string({ maxLength: 8, unit: fc.constantFrom('a', 'b', 'c') })
  fc.assert(fc.property(word, word, (a, b) => (editDistance(a, b) === 0) === (a === b)))
  fc.assert(fc.property(word, word, (a, b) => editDistance(a, b) <= Math.max(a.length, b.length)))
  t.equal(nearest('Weight-Decay', ['lr', 'weightDecay', 'eps']), 'weightDecay')
  t.equal(nearest('xyz', ['lr', 'eps']), undefined)
  t.equal(nearest('epochs'.repeat(20), ['epochs']), undefined)
})
