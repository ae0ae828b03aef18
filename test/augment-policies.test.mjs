// Policies of augmentation: the tables of timm and torchvision, how often what is drawn, and that a sample decides it alone.
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import t from 'tap'
import { internal } from './helpers/internals.mjs'

const { AUGMENTATIONS, augmentationKind, augmenter, drawProgram } = internal('augmentations')
const { AUG_MIX_LIST } = internal('augMix')
const { autoAugmentPolicy } = internal('autoAugment')
const { dirichlet, gamma, normal } = internal('augmentDraws')
const { OPERATIONS, Program } = internal('augmentProgram')
const { KeyedRandom } = internal('philox')
const { TIMM_INCREASING_LIST, TIMM_LIST } = internal('randAugment')
const { nameOf } = internal('schemaKinds')
const { NARROW, torchvisionBins, UNIFORM_OPERATIONS, WIDE } = internal('torchvisionOperations')

const golden = JSON.parse(readFileSync(new URL('golden/augment.json', import.meta.url), 'utf8'))

/** Complete options. */
const config = (name, options = {}) => augmentationKind(name).schema.parse({ name, ...options })

/** The operations of a program: [{ name, operands }, …]. */
function stepsOf(numbers) {
  const steps = []
  for (let at = 0; at < numbers.length; ) {
    const [name, ...operands] = OPERATIONS[numbers[at] - 1]
    steps.push({ name, operands: [...numbers.subarray(at + 1, at + 1 + operands.length)] })
    at += 1 + operands.length
  }
  return steps
}

const SIZE = { height: 200, width: 224 }

/** The programs of many samples. */
function drawn(options, count = 4000, normalization = undefined) {
  const draw = augmenter(options, normalization)
  return Array.from({ length: count }, (_, sample) => stepsOf(draw({ seed: 3, epoch: sample % 5, sample, ...SIZE })))
}

/** Whether a share of `count` tries lies within five standard deviations of its probability. */
function isNear(share, probability, count) {
  return Math.abs(share - probability) <= 5 * Math.sqrt((probability * (1 - probability)) / count) + 1e-9
}

t.test("AutoAugment's tables are those of timm and of torchvision", async (t) => {
  for (const [name, table] of Object.entries(golden.timm.tables))
    t.same(autoAugmentPolicy(name), { source: 'timm', table }, name)
  for (const [name, table] of Object.entries(golden.torchvision.tables)) {
    const { source, table: ours } = autoAugmentPolicy(name)
    t.equal(source, 'torchvision')
    // torchvision has null for the level of an operation without a strength.
    const known = ours.map((steps, i) => steps.map((step, j) => [...step.slice(0, 2), table[i][j][2] && step[2]]))
    t.same(
      known,
      table.map((steps) => steps.map(([op, probability, level]) => [op, probability, level])),
      name,
    )
  }
})

t.test('lists and defaults of RandAugment and AugMix', async (t) => {
  const { rand, mix } = golden.timm
  t.same(TIMM_LIST, rand.operations)
  t.same(TIMM_INCREASING_LIST, rand.increasing)
  t.same(AUG_MIX_LIST, mix.operations)
  t.match(config('augMix'), { width: mix.width, alpha: mix.alpha, magnitudeStd: mix.uniform ? 'uniform' : 0 })
  t.equal(config('randAugment').layers, rand.layers)
  t.same(UNIFORM_OPERATIONS, Object.keys(golden.torchvision.rand[31]))
  t.same(UNIFORM_OPERATIONS, Object.keys(golden.torchvision.wide[31]))
  const { layers, magnitude } = config('randAugment', { ranges: 'torchvision' })
  t.same({ layers, magnitude }, golden.torchvision.defaults)
})

t.test("torchvision's magnitudes, bin by bin", async (t) => {
  const { size, auto, rand, wide } = golden.torchvision
  const [height, width] = size
  const compare = (space, count, ranges) => {
    for (const [name, bins] of Object.entries(space)) {
      const { magnitudes, signed } = torchvisionBins(name, count, ranges, { height, width })
      t.same({ magnitudes: magnitudes ?? null, signed }, bins, `${name}, ${count} bins`)
    }
  }
  compare(auto, 10, NARROW)
  for (const [count, space] of Object.entries(rand)) compare(space, Number(count), NARROW)
  for (const [count, space] of Object.entries(wide)) compare(space, Number(count), WIDE)
})

/** Uniform numbers from a list. A choice from one takes none. */
const scripted = (numbers) => {
  const left = [...numbers]
  const uniform = () => {
    if (left.length === 0) throw new Error('no number is left')
    return left.shift()
  }
  return { uniform, below: (n) => (n === 1 ? 0 : Math.floor(uniform() * n)), left }
}

t.test("random erasing: timm's rectangles for the same random numbers", async (t) => {
  let erased = 0
  for (const { size, probability, most, numbers, rectangles, sum } of golden.erasing) {
    const [height, width] = size
    const random = scripted(numbers)
    const program = new Program()
    const options = config('randomErasing', { probability, maxCount: most })
    const mean = [0.485, 0.456, 0.406]
    augmentationKind('randomErasing').draw(program, options, random, { height, width, mean, std: [1, 1, 1] })
    t.equal(random.left.length, 0, 'as many numbers')
    const steps = stepsOf(program.toArray())
    const visible = rectangles.flatMap((rectangle, i) => (rectangle.includes(0) ? [] : [i]))
    t.same(
      steps.map(({ operands: [, , h, w] }) => [h, w]),
      visible.map((i) => rectangles[i]),
    )
    const image = new Uint8Array(height * width)
    for (const [i, { operands }] of steps.entries()) {
      const [top, left, h, w, ...colour] = operands
      t.same(colour, [124, 116, 104], 'the mean')
      for (let y = top; y < top + h; y++) image.fill(visible[i] + 1, y * width + left, y * width + left + w)
    }
    t.equal(createHash('sha256').update(image).digest('hex').slice(0, 12), sum, `${size}`)
    erased += steps.length
  }
  t.ok(erased > 15, `${erased} rectangles`)
})

t.test('random erasing: colours and noise of the normalisation', async (t) => {
  const rand = drawn(config('randomErasing', { probability: 1, mode: 'rand' }))
  const reds = rand.flat().map(({ operands }) => operands[4])
  t.ok(rand.flat().every(({ name }) => name === 'erase'))
  const clipped = reds.filter((red) => red === 0).length / reds.length
  // 124 is 2.12 deviations of 58 above 0: 1.7 % of normal numbers are lower.
  t.ok(isNear(clipped, 0.0176, reds.length), `${clipped} are 0`)
  t.ok(Math.abs(reds.reduce((sum, red) => sum + red, 0) / reds.length - 124) < 5)
  const normalization = { mean: [0, 0.5, 1], std: [0.1, 0.2, 0.4] }
  const pixel = drawn(config('randomErasing', { probability: 1, mode: 'pixel' }), 4000, normalization)
  const steps = pixel.flat()
  t.ok(steps.length > 3900 && steps.every(({ name }) => name === 'eraseNoise'))
  t.same([...new Set(steps.map(({ operands }) => operands.slice(4, 10).join()))], ['0,127.5,255,25.5,51,102'])
  const keys = new Set(steps.map(({ operands }) => operands.slice(10).join()))
  t.equal(keys.size, steps.length, 'each has noise of its own')
  const some = drawn(config('randomErasing', { probability: 0.25 }))
  t.ok(isNear(some.filter((steps) => steps.length > 0).length / some.length, 0.25, some.length))
})

t.test('AutoAugment: how often an operation is drawn', async (t) => {
  // [operation of a program, its expected number in an image] from the table.
  const expected = new Map()
  const written = {
    ...{ Equalize: 'equalize', AutoContrast: 'autocontrast', Invert: 'invert', Rotate: 'rotate', Color: 'color' },
    ...{ Solarize: 'solarize', SolarizeAdd: 'solarizeAdd', Posterize: 'posterize' },
    ...{ ShearX: 'affine', ShearY: 'affine', TranslateYRel: 'affine' },
  }
  for (const [name, probability] of golden.timm.tables.v0.flat()) {
    const operation = written[name]
    expected.set(operation, (expected.get(operation) ?? 0) + probability / 25)
  }
  const count = 8000
  const programs = drawn(config('autoAugment'), count)
  for (const [operation, mean] of expected) {
    const got = programs.flat().filter(({ name }) => name === operation).length / count
    t.ok(Math.abs(got - mean) < 5 * Math.sqrt((2 * mean) / count), `${operation}: ${got}, expected ${mean}`)
  }
  t.equal(new Set(programs.flat().map(({ name }) => name)).size, expected.size)
  // Rotate at 8 is 24 degrees, with either sign, and either smooth filter.
  const turns = programs.flat().filter(({ name, operands }) => name === 'rotate' && Math.abs(operands[0]) === 24)
  t.ok(isNear(turns.filter(({ operands }) => operands[0] > 0).length / turns.length, 0.5, turns.length))
  t.ok(isNear(turns.filter(({ operands }) => operands[1] === 2).length / turns.length, 0.5, turns.length))
  t.ok(turns.every(({ operands }) => operands.slice(2).every((value) => value === 128)))
  const moved = (options) =>
    drawn(config('autoAugment', options))
      .flat()
      .filter(({ name, operands }) => name === 'affine' && operands[5] !== 0)
      .map(({ operands }) => Math.abs(operands[5]))
  t.same([...new Set(moved({}))], [0.9 * 0.45 * SIZE.height], '0.45 of the height at level 10')
  t.same([...new Set(moved({ translatePixels: 250 }))], [225])
})

t.test('RandAugment: layers, probability, and noise on the magnitude', async (t) => {
  const always = drawn(config('randAugment', { layers: 3, probability: 1, magnitudeStd: 0 }))
  t.ok(always.every((steps) => steps.length === 3))
  const third = always.filter(([{ name }]) => name === 'affine').length / always.length
  t.ok(isNear(third, 4 / 15, always.length), 'four of fifteen are shears and translations')
  const half = drawn(config('randAugment')).flat().length / 8000
  t.ok(isNear(half, 0.5, 8000), `${half}`)
  const degrees = (options) =>
    drawn(config('randAugment', { probability: 1, layers: 10, ...options }), 1500)
      .flat()
      .filter(({ name }) => name === 'rotate')
      .map(({ operands }) => Math.abs(operands[0]))
  const mean = (list) => list.reduce((sum, value) => sum + value, 0) / list.length
  t.same([...new Set(degrees({ magnitude: 5, magnitudeStd: 0 }))], [15])
  const noisy = degrees({ magnitude: 5, magnitudeStd: 1 })
  const deviation = Math.sqrt(mean(noisy.map((value) => (value - 15) ** 2)))
  t.ok(Math.abs(mean(noisy) - 15) < 0.5 && Math.abs(deviation - 3) < 0.4, `${mean(noisy)} ± ${deviation}`)
  const uniform = degrees({ magnitude: 8, magnitudeStd: 'uniform' })
  t.ok(Math.abs(mean(uniform) - 12) < 1.1 && Math.max(...uniform) < 24 && Math.min(...uniform) < 0.5)
  t.equal(Math.max(...degrees({ magnitude: 10, magnitudeStd: 5 })), 30, 'at most magnitudeMax')
  t.same([...new Set(degrees({ magnitude: 17, magnitudeMax: 20, magnitudeStd: 0 }))], [51])

  const theirs = drawn(config('randAugment', { ranges: 'torchvision', layers: 14 }), 1000)
  const counts = theirs.flat().length / 14000
  t.ok(isNear(counts, 13 / 14, 14000), 'the fourteenth is the identity')
  const turned = theirs.flat().filter(({ name }) => name === 'rotate')
  t.same([...new Set(turned.map(({ operands }) => Math.abs(operands[0])))], [9], 'bin 9 of 31')
  t.ok(
    turned.every(({ operands }) => operands.slice(1).every((value) => value === 0)),
    'nearest, on black',
  )
})

t.test('TrivialAugment: one operation, each magnitude equally often', async (t) => {
  const programs = drawn(config('trivialAugmentWide'), 8000)
  t.ok(programs.every((steps) => steps.length <= 1))
  const turns = programs.flat().filter(({ name }) => name === 'rotate')
  t.ok(isNear(turns.length / programs.length, 1 / 14, programs.length))
  const angles = new Set(turns.map(({ operands }) => operands[0]))
  t.equal(angles.size, 61, '31 bins, all but the first with either sign')
  t.equal(Math.max(...angles), 135)
})

t.test('AugMix: weighted chains between start and end', async (t) => {
  const programs = drawn(config('augMix'), 2000)
  const mean = (list) => list.reduce((sum, value) => sum + value, 0) / list.length
  t.ok(programs.every((steps) => steps[0].name === 'mixStart' && steps.at(-1).name === 'mixEnd'))
  const weights = programs.map((steps) =>
    steps.filter(({ name }) => name === 'mixAdd').map(({ operands }) => operands[0]),
  )
  t.ok(weights.every((list) => list.length === 3 && Math.abs(list[0] + list[1] + list[2] - 1) < 1e-12))
  const lengths = [0, 0, 0]
  for (const steps of programs) lengths[steps.findIndex(({ name }) => name === 'mixAdd') - 2]++
  t.ok(
    lengths.every((count) => isNear(count / 2000, 1 / 3, 2000)),
    `${lengths}`,
  )
  // The uniform distribution on a triangle, and on a line.
  const first = mean(weights.map(([weight]) => weight))
  const share = mean(programs.map((steps) => steps.at(-1).operands[0]))
  t.ok(Math.abs(first - 1 / 3) < 0.03, `${first}`)
  t.ok(Math.abs(share - 1 / 2) < 0.04, `${share}`)
  const fixed = drawn(config('augMix', { width: 2, depth: 4, magnitudeStd: 0 }), 10)
  t.ok(fixed.every((steps) => steps.length === 12))
})

t.test('colour jitter: factors within their limits, in any order, with their probabilities', async (t) => {
  const options = { brightness: 0.4, contrast: 0.2, saturation: 1.5, hue: 0.1, probability: 0.8, grayscale: 0.2 }
  const programs = drawn(config('colorJitter', options))
  const count = programs.length
  const jittered = programs.filter((steps) => steps.length >= 4)
  t.ok(isNear(jittered.length / count, 0.8, count))
  t.ok(isNear(programs.filter((steps) => steps.at(-1)?.name === 'grayscale').length / count, 0.2, count))
  const orders = new Set(
    jittered.map((steps) =>
      steps
        .slice(0, 4)
        .map(({ name }) => name)
        .join(),
    ),
  )
  t.equal(orders.size, 24)
  for (const [wanted, low, high] of [
    ['brightness', 0.6, 1.4],
    ['contrast', 0.8, 1.2],
    ['color', 0, 2.5],
    ['hue', -0.1, 0.1],
  ]) {
    const values = jittered.map((steps) => steps.find(({ name }) => name === wanted).operands[0])
    const [least, most] = [Math.min(...values), Math.max(...values)]
    t.ok(least >= low && least < low + 0.01 * (high - low), `${wanted} from ${least}`)
    t.ok(most < high && most > high - 0.01 * (high - low), `${wanted} to ${most}`)
  }
  t.ok(drawn(config('colorJitter', { hue: 0, contrast: 0 }), 20).every((steps) => steps.length === 2))
})

t.test('distributions behind the draws', async (t) => {
  const random = new KeyedRandom(5, 99)
  const many = (draw) => Array.from({ length: 20000 }, draw)
  const mean = (list) => list.reduce((sum, value) => sum + value, 0) / list.length
  const moments = (list) => [mean(list), mean(list.map((value) => value ** 2)) - mean(list) ** 2]
  const near = (got, wanted, tolerance) =>
    t.ok(
      got.every((value, i) => Math.abs(value - wanted[i]) < tolerance),
      `${got} near ${wanted}`,
    )
  near(moments(many(() => normal(random))), [0, 1], 0.05)
  // Mean and variance of a gamma distribution are its shape.
  for (const shape of [0.3, 1, 4.5]) near(moments(many(() => gamma(random, shape))), [shape, shape], 0.06 * (1 + shape))
  // Of a beta distribution with both parameters a: 1/2 and 1 / (4 (2a + 1)).
  for (const a of [0.2, 1, 3])
    near(moments(many(() => dirichlet(random, a, 2)[0])), [1 / 2, 1 / (4 * (2 * a + 1))], 0.01)
  const tiny = many(() => dirichlet(random, 0.01, 3))
  t.ok(tiny.every((shares) => Math.abs(shares.reduce((sum, share) => sum + share, 0) - 1) < 1e-12))
})

const SAMPLE = { seed: 11, epoch: 2, sample: 5, height: 64, width: 48 }

t.test('a program depends on seed, epoch and sample only, and one augmentation not on another', async (t) => {
  for (const { schema } of AUGMENTATIONS) {
    const options = config(schema.shape.name.value)
    const once = drawProgram(options, SAMPLE)
    t.same(drawProgram(options, SAMPLE), once)
    t.ok(once instanceof Float64Array)
  }
  const all = config('randAugment', { layers: 8, probability: 1 })
  const program = drawProgram(all, SAMPLE)
  for (const other of [{ seed: 12 }, { epoch: 3 }, { sample: 6 }])
    t.notSame(drawProgram(all, { ...SAMPLE, ...other }), program)
  const erasing = config('randomErasing', { probability: 1 })
  const both = drawProgram([all, erasing], SAMPLE)
  t.same(both, [...program, ...drawProgram(erasing, SAMPLE)])
  t.same(drawProgram([], SAMPLE), new Float64Array(0))
})

t.test('every augmentation is listed once, with an object of its options', async (t) => {
  const names = AUGMENTATIONS.map(nameOf)
  t.same(names, [...new Set(names)])
  for (const name of names) {
    t.same(config(name).name, name, 'has defaults for everything')
    t.notOk(augmentationKind(name).schema.safeParse({ name, levels: 1 }).success, 'a strict object')
  }
})

t.test('wrong options are refused by name', async (t) => {
  t.throws(() => augmentationKind('randaugment'), {
    code: 'ERR_VALUE',
    message: 'there is no augmentation "randaugment"',
    hint: /^there are autoAugment, randAugment, /,
  })
  const refused = (options, message) => t.throws(() => augmenter(options), { code: 'ERR_VALUE', message })
  refused({ name: 'randAugment', layers: 0 }, /^augmentation randAugment: layers: /)
  refused({ name: 'randAugment', layer: 2 }, /^augmentation randAugment: .*layer/)
  refused({ name: 'randAugment', bins: 9 }, /^augmentation randAugment: bins: has no effect with ranges: timm/)
  refused({ name: 'randAugment', magnitude: 11 }, /magnitude: must be at most magnitudeMax, 10/)
  const theirs = { name: 'randAugment', ranges: 'torchvision' }
  refused({ ...theirs, increasing: true }, /increasing: has no effect with ranges: torchvision/)
  refused({ ...theirs, magnitude: 31 }, /magnitude: must be a bin, a whole number from 0 to 30/)
  refused({ ...theirs, magnitude: 2.5 }, /magnitude: must be a bin, a whole number from 0 to 30/)
  refused({ name: 'autoAugment', policy: 'svhn', magnitudeStd: 1 }, /magnitudeStd: has no effect with policy: svhn/)
  refused({ name: 'autoAugment', policy: 'original', translatePixels: 9 }, /translatePixels: has no effect/)
  refused({ name: 'randomErasing', area: [0.5, 0.1] }, /area: must not fall/)
  refused(
    [{ name: 'randAugment' }, { name: 'autoAugment' }],
    'augmentations randAugment and autoAugment cannot be combined',
  )
  refused([{ name: 'colorJitter' }, { name: 'colorJitter' }], /cannot be combined/)
  t.throws(() => augmenter([null]), { code: 'ERR_TYPE', message: /augmentation must be an object, got null/ })
  t.throws(() => augmenter([], { mean: [0.5], std: [1, 1, 1] }), { code: 'ERR_VALUE', message: /not 1 and 3$/ })
  t.ok(augmenter({ name: 'randAugment' })(SAMPLE) instanceof Float64Array, 'defaults are filled in')
})
