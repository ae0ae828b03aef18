/* Configuration files: overrides, paths, what is no YAML, hostile bytes. */
import fs from 'node:fs'
import path from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { complaints, SMALLEST, yaml } from './helpers/config.mjs'
import { internal } from './helpers/internals.mjs'

const { parseConfigFile } = internal('configFile')
const { parseConfig } = internal('trainConfig')

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
  t.same(
    parsed('--ema.decay=0.5').ema,
    { decay: 0.5, warmup: true, rule: 'tensorflow' },
    'in place of a value that is no mapping',
  )
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

t.test('values are shown, and quoted, as they were written', async (t) => {
  for (const written of ['007', '1e3', '2024', '12345678901234567890', '0x1F', '0o17', 'True', '+1.50']) {
    const file = complaints(t, `${SMALLEST}run: {name: ${written}}\n`)
    t.same(file, { lines: [`run.yaml:3:13 run.name: must be text, not ${written}`], hint: `quote it: "${written}"` })
    const alias = complaints(t, `${SMALLEST}threads: &n ${written}\nrun: {name: *n}\n`)
    t.match(alias.lines.at(-1), `not ${written}`, 'behind an alias, too')
    const override = complaints(t, SMALLEST, [`--run.name=${written}`])
    t.same(override, {
      lines: [`--run.name: must be text, not ${written}`],
      hint: `quote it: '--run.name="${written}"'`,
    })
    const mapping = complaints(t, SMALLEST, [`--run={name: ${written}, dir: "it's"}`])
    t.equal(mapping.hint, `quote it: '--run={name: "${written}", dir: "it'\\''s"}'`, 'inside a mapping')
  }
  t.match(complaints(t, SMALLEST, ["--run.name='"]).hint, '\'--run.name="…"\'')
  const large = complaints(t, `${SMALLEST}threads: 12345678901234567890\n`).lines
  t.match(large[0], /must be at most \d+, not 12345678901234567890$/, 'no digit is made up')
  t.match(complaints(t, SMALLEST, ['--device=']).hint, /cpu|auto/, 'nothing is not to be quoted')
})

t.test('mistakes in overrides name the override', async (t) => {
  const { lines } = complaints(t, `${SMALLEST}seed: 1.50\n`, [
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
      'run.yaml:3:7 seed: must be a whole number from -2^63 to 2^64 - 1, not 1.50',
      '--model model.widht: unknown key',
      '--optimizer.lrr: unknown key',
      '--epochs: must be a number, not "x"',
      '--run.name: must be text, not 007',
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

t.test('a plain value where a mapping is wanted leads to what was meant, as it is written there', async (t) => {
  for (const [key, value, inYaml, onCommandLine] of [
    ['optimizer', 'adam', 'did you mean optimizer: {name: adamw, lr: …}?', 'did you mean --optimizer.name=adamw?'],
    ['optimizer', 'sgd', 'write optimizer: {name: sgd, lr: …}', 'optimizer is a mapping: write --optimizer.name=sgd'],
    ['optimizer', 'RMSprop', 'did you mean optimizer: {name: rmsprop}?', 'did you mean --optimizer.name=rmsprop?'],
    ['schedule', 'cosine', 'write schedule: {name: cosine}', 'schedule is a mapping: write --schedule.name=cosine'],
    ['schedule', 'step', 'write schedule: {name: step}', 'schedule is a mapping: write --schedule.name=step'],
    ['model', 'efficientnet_b0', 'write model: {name: efficientnet_b0}'],
    ['model', 'b3', 'did you mean model: {name: efficientnet_b3}?', 'did you mean --model.name=efficientnet_b3?'],
    ['data', 'digits', 'write data: {dataset: digits}', 'data is a mapping: write --data.dataset=digits'],
    ['data', 'scene', 'did you mean data: {dataset: scenes}?', 'did you mean --data.dataset=scenes?'],
    ['ema', '0.99', 'write ema: {decay: 0.99}', 'ema is a mapping: write --ema.decay=0.99'],
    ['ema', 'true', 'its keys are decay, warmup, rule'],
    ['checkpoint', '5', 'write checkpoint: {everyEpochs: 5}'],
    ['checkpoint', 'runs/x', 'its keys are everyEpochs, everySteps, keep, best'],
    ['run', 'two words', 'write run: {name: "two words"}', "run is a mapping: write '--run.name=two words'"],
    ['run', 'runs/x', 'write run: {dir: runs/x}'],
    ['data.augment', '15', undefined, 'augment is a mapping: write --data.augment.rotate=15'],
    ['optimizer', '[adam]', 'its name is one of rmsprop, sgd, adamw, lion, lamb'],
  ]) {
    const others = key === 'model' ? 'epochs: 3\n' : SMALLEST
    const override = complaints(t, SMALLEST, [`--${key}=${value}`])
    t.match(override.lines, [new RegExp(`^--${key}: must be (false or )?a mapping`)])
    t.equal(override.hint, onCommandLine ?? override.hint, `--${key}=${value}`)
    if (inYaml !== undefined) t.equal(complaints(t, `${others}${key}: ${value}\n`).hint, inYaml, `${key}: ${value}`)
    // The hint is true: what it says is not complained of again.
    const [, setting] = /'?(--[\w.]+=[^'?]+)/.exec(override.hint) ?? []
    if (setting === undefined) continue
    const text = `${SMALLEST}optimizer: {name: adamw, lr: 0.1}\n`
    t.doesNotThrow(() => parseConfigFile(yaml(t, text), [setting]), setting)
  }
  const several = complaints(t, `${SMALLEST}optimizer: adam\nschedule: cosin\n`).lines
  t.match(several[0], /\(did you mean optimizer: \{name: adamw, lr: …\}\?\)$/)
  t.match(several[1], /\(did you mean schedule: \{name: cosine\}\?\)$/)
  t.equal(complaints(t, SMALLEST, ['--model.name=efficientnet_bo']).hint, 'did you mean efficientnet_b0?')
})

t.test('keys written with dots, as on the command line, lead to the form of YAML', async (t) => {
  t.equal(complaints(t, `${SMALLEST}optimizer.lr: 5\n`).hint, 'write optimizer: {lr: …}')
  t.equal(complaints(t, `${SMALLEST}data.augment.flip: true\n`).hint, 'write data: {augment: {flip: …}}')
  t.equal(complaints(t, `${SMALLEST}data: {augment.flip: true}\n`).hint, 'write augment: {flip: …}')
  t.match(complaints(t, `${SMALLEST}optimizer.x: 5\n`).hint, /did you mean|known here/)
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
  t.throws(() => parseConfigFile(folder), {
    code: 'ERR_CONFIG',
    message: `${folder}: it is a folder, not a regular file`,
  })
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
  const files = fs.readdirSync('configs').filter((name) => name.endsWith('.yaml'))
  for (const name of files) t.ok(parseConfigFile(path.join('configs', name)).config, name)
  t.ok(files.length > 0)
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

t.test('a file of thousands of mistakes takes no more searching than one of twenty', async (t) => {
  /** How many calls of a method reading a text makes: work that is counted depends on no clock. */
  const counted = (object, method, read) => {
    const original = object[method]
    let calls = 0
    object[method] = function (...rest) {
      calls++
      return original.apply(this, rest)
    }
    try {
      read()
    } finally {
      object[method] = original
    }
    return calls
  }
  const repeat = (count, line) => Array.from({ length: count }, (_, i) => line(i)).join('')
  const texts = {
    'unknown keys': (count) => SMALLEST + repeat(count, (i) => `epo${i}: 1\n`),
    'unknown keys further in': (count) => `${SMALLEST}data:\n${repeat(count, (i) => `  batchSiz${i}: 1\n`)}`,
    values: (count) => `${SMALLEST}data: {mean: [${repeat(count, () => 'x, ')}]}\n`,
  }
  for (const [what, text] of Object.entries(texts)) {
    const searches = (count) =>
      counted(String.prototype, 'toLowerCase', () => {
        const { lines } = complaints(t, text(count))
        t.equal(lines.length, 21, what)
        t.equal(lines.at(-1), `and ${count - 20} more`)
      })
    t.equal(searches(10_000), searches(100), `${what}: names that were compared`)
  }
  // A parser that looks for keys given twice by comparing each with all others compares some fifty million pairs.
  const { some } = Array.prototype
  let comparisons = 0
  Array.prototype.some = function (test, ...rest) {
    const counting = (...each) => ++comparisons && test(...each)
    return some.call(this, counting, ...rest)
  }
  t.teardown(() => {
    Array.prototype.some = some
  })
  complaints(t, texts['unknown keys'](10_000))
  t.ok(comparisons < 1e6, `${comparisons} pairs of keys were compared`)
})

t.test('what unfolds or repeats without end is refused', async (t) => {
  const many = (count, item) => Array.from({ length: count }, (_, i) => item(i)).join(', ')
  const first = (text, overrides) => complaints(t, text, overrides).lines[0]
  const anchors = `x: [${many(101, (i) => `&a${i} 1`)}]\ny: [${many(101, (i) => `*a${i}`)}]\n`
  t.equal(first(SMALLEST + anchors), 'run.yaml: has too many aliases')
  t.equal(first(`${SMALLEST}x: {a: 1, b: 2, a: 3}\nepochs: 2\n`), 'run.yaml:3:17 this key is given a second time')
  t.equal(first(SMALLEST, ['--x={a: 1, a: 2}']), '--x: cannot be read as YAML: this key is given a second time')
  t.equal(first(SMALLEST, [`--${'k'.repeat(5000)}=1`]), `--${'k'.repeat(57)}...: unknown key`)
  t.match(
    first(
      SMALLEST,
      Array.from({ length: 1001 }, (_, i) => `--k${i}=1`),
    ),
    /1001 keys are set one by one/,
  )
})
