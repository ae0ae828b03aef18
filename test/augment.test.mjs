// Operations of augmentation: the bytes that Pillow, timm and torchvision give, and what wrong programs are told.
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { tensor } from 'mbconv'
import t from 'tap'
import { internal } from './helpers/internals.mjs'

const { native } = internal('addon')
const { augmentImages } = internal('augmentImages')
const { FILTERS, OPERATIONS, Program } = internal('augmentProgram')
const { KeyedRandom } = internal('philox')
const { addTimmOperation, timmArgument } = internal('timmOperations')
const { addTorchvisionOperation, NARROW, WIDE } = internal('torchvisionOperations')

const golden = JSON.parse(readFileSync(new URL('golden/augment.json', import.meta.url), 'utf8'))

/** The images of scripts/goldens/augment.py. */
function picture([height, width, kind, seed]) {
  const values = new Uint8Array(height * width * 3)
  let state = seed
  for (let i = 0; i < values.length; i++) {
    const [y, x, c] = [Math.floor(i / (3 * width)), Math.floor(i / 3) % width, i % 3]
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    const byte = state >>> 24
    values[i] = {
      noise: byte,
      smooth: 5 * x + 3 * y + 40 * c + (byte >> 4),
      dull: 90 + 7 * c + (byte >> 3),
      flat: 60 + 70 * c,
      two: byte < 100 ? 30 : 200,
    }[kind]
  }
  return { height, width, values }
}

const pictures = golden.images.map(({ image }) => picture(image))

function programOf(steps) {
  const program = new Program()
  for (const [name, ...operands] of steps) program.add(name, ...operands)
  return program.toArray()
}

/** The bytes of an image after a program, given as numbers. */
function applied({ height, width, values }, program) {
  const image = tensor(values).reshape([1, height, width, 3])
  augmentImages(image, [program])
  return image.toTypedArray()
}

const areSame = (a, b) => Buffer.compare(a, b) === 0

const sumOf = (bytes) => createHash('sha256').update(bytes).digest('hex').slice(0, 12)

t.test('the test makes the same images as the script', async (t) => {
  for (const [i, { image, sum }] of golden.images.entries()) t.equal(sumOf(pictures[i].values), sum, image.join(' '))
  t.same(FILTERS, golden.filters, "and the filters have Pillow's numbers")
})

t.test('every operation gives the bytes that Pillow gives', async (t) => {
  const tried = new Set()
  for (const { steps, sums } of golden.operations) {
    for (const [name] of steps) tried.add(name)
    const program = programOf(steps)
    const wrong = pictures.flatMap((image, i) =>
      sums[i] === null || sumOf(applied(image, program)) === sums[i] ? [] : [golden.images[i].image.join(' ')],
    )
    t.same(wrong, [], JSON.stringify(steps))
  }
  t.same(
    OPERATIONS.map(([name]) => name).filter((name) => !tried.has(name)),
    ['erase', 'eraseNoise'],
    'all but those that have tests of their own',
  )
})

t.test('a whole image, so that a difference can be seen', async (t) => {
  const { image, steps, bytes } = golden.whole
  const [got, wanted] = [applied(pictures[image], programOf(steps)), Buffer.from(bytes, 'base64')]
  const at = got.findIndex((value, i) => value !== wanted[i])
  t.equal(at, -1, `byte ${at} is ${got[at]}, not ${wanted[at]}`)
  t.equal(got.length, wanted.length)
})

/** Random numbers for one operation: the coin of the sign gives this one, other draws are in the middle. */
const coin = (sign) => ({ below: () => (sign === 1 ? 0 : 1), uniform: () => 0.5 })

t.test("timm's operations at each level: arguments and bytes", async (t) => {
  const { image, operations } = golden.timm
  const { height, width } = pictures[image]
  const translation = { pixels: 250, share: 0.45 }
  t.ok(Object.keys(operations).length > 20)
  for (const [name, rows] of Object.entries(operations)) {
    const wrong = []
    for (const { level, sign, argument, sums } of rows) {
      const got = timmArgument(name, level, sign, translation) ?? null
      if (got !== argument) wrong.push(`${sign * level}: ${got}, not ${argument}`)
      for (const [i, interpolation] of Object.keys(FILTERS).entries()) {
        const program = new Program()
        const choice = { level, deviation: 0, most: 20 }
        const fill = [128, 128, 128]
        const setting = { random: coin(sign), size: { height, width }, interpolation, fill, translation }
        addTimmOperation(program, name, choice, setting)
        if (sumOf(applied(pictures[image], program.toArray())) !== sums[i])
          wrong.push(`${sign * level}, ${interpolation}: bytes`)
      }
    }
    t.same(wrong, [], name)
  }
})

t.test("torchvision's operations at some magnitudes: bytes", async (t) => {
  const { image, operations } = golden.torchvision
  const { height, width } = pictures[image]
  t.equal(Object.keys(operations).length, 15)
  for (const [name, rows] of Object.entries(operations)) {
    // The script takes the ranges of TrivialAugmentWide where it has the operation.
    const ranges = name === 'Invert' ? NARROW : WIDE
    for (const { bin, sign, sums } of rows) {
      for (const [i, interpolation] of Object.keys(FILTERS).entries()) {
        const program = new Program()
        const setting = { random: coin(sign), size: { height, width }, interpolation, fill: [0, 0, 0] }
        addTorchvisionOperation(program, name, { ...setting, ranges, bins: 31, bin })
        const got = sumOf(applied(pictures[image], program.toArray()))
        t.equal(got, sums[i], `${name}, bin ${bin}, sign ${sign}, ${interpolation}`)
      }
    }
  }
})

t.test('erasing: a box of one colour, or of normal noise that its key decides', async (t) => {
  const { width, values } = pictures[1]
  const inBox = (i) => {
    const [y, x] = [Math.floor(i / (3 * width)), Math.floor(i / 3) % width]
    return y >= 4 && y < 24 && x >= 2 && x < 17
  }
  const colour = [10, 200, 30]
  const erased = applied(pictures[1], programOf([['erase', 4, 2, 20, 15, ...colour]]))
  const expected = values.map((value, i) => (inBox(i) ? colour[i % 3] : value))
  t.ok(areSame(erased, expected))

  const noise = (...key) => programOf([['eraseNoise', 4, 2, 20, 15, 100, 120, 250, 20, 40, 30, ...key]])
  const noisy = applied(pictures[1], noise(5, 7))
  // The same numbers in JavaScript: pairs of normal numbers from the words of Philox.
  const random = new KeyedRandom(5n + (7n << 32n), 0)
  const spare = []
  const normal = () => {
    if (spare.length > 0) return spare.pop()
    const length = Math.sqrt(-2 * Math.log((random.uint32() + 1) / 2 ** 32))
    const angle = (2 * Math.PI * random.uint32()) / 2 ** 32
    spare.push(length * Math.sin(angle))
    return length * Math.cos(angle)
  }
  const wanted = values.map((value, i) => {
    if (!inBox(i)) return value
    const [mean, deviation] = [[100, 120, 250][i % 3], [20, 40, 30][i % 3]]
    return Math.min(255, Math.max(0, Math.round(mean + deviation * normal())))
  })
  t.ok(
    noisy.every((value, i) => Math.abs(value - wanted[i]) <= (inBox(i) ? 1 : 0)),
    'one level apart at most: sine and logarithm may round differently',
  )
  t.notOk(areSame(applied(pictures[1], noise(6, 7)), noisy), 'another key, other noise')
})

t.test('a batch: each image its own program, on any number of threads', async (t) => {
  const { height, width, values } = pictures[0]
  const programs = [[['invert']], [], [['rotate', 30, 2, 0, 0, 0], ['equalize']], [['posterize', 3]]].map(programOf)
  const images = tensor(new Uint8Array([1, 2, 3, 4].flatMap(() => [...values]))).reshape([4, height, width, 3])
  augmentImages(images, programs)
  const got = images.toTypedArray()
  for (const [i, program] of programs.entries())
    t.ok(areSame(got.subarray(i * values.length, (i + 1) * values.length), applied(pictures[0], program)), `image ${i}`)
})

t.test('JavaScript and C++ have the same operations', async (t) => {
  t.same(native().augmentOpcodes(), OPERATIONS)
})

t.test('wrong programs and images are refused by name', async (t) => {
  const refused = (program, message, image = pictures[0]) =>
    t.throws(() => applied(image, Float64Array.from(program)), { code: 'ERR_VALUE', message })
  for (const opcode of [0, -1, 1.5, OPERATIONS.length + 1, Number.NaN, Number.POSITIVE_INFINITY])
    refused([opcode], /augmentation program: there is no opcode /)
  refused([5], /posterize has 0 of its 1 operands/)
  refused([1, 2, 16, 1, 2, 3], /affine has 3 of its 10 operands/)
  const step = (message, ...steps) => refused(programOf(steps), message)
  step(/posterize: bits must be a whole number from 0 to 8, got 9/, ['posterize', 9])
  step(/posterize: bits must be a whole number from 0 to 8, got 2.5/, ['posterize', 2.5])
  step(/color: factor must be a number from 0 to 1000, got -1/, ['color', -1])
  step(/color: factor must be .*, got nan/, ['color', Number.NaN])
  step(/hue: shift must be a number from -0.5 to 0.5, got 0.6/, ['hue', 0.6])
  step(/rotate: filter must be 0 .*, 2 .* or 3 .*, got 1/, ['rotate', 5, 1, 0, 0, 0])
  step(/rotate: green must be a whole number from 0 to 255, got 256/, ['rotate', 5, 0, 0, 256, 0])
  step(/erase: height must be a whole number from 1 to 18, got 19/, ['erase', 10, 0, 19, 1, 0, 0, 0])
  step(/erase: left must be a whole number from 0 to 27, got 28/, ['erase', 0, 28, 1, 1, 0, 0, 0])
  step(/mixAdd: no mix has started/, ['mixAdd', 0.5])
  step(/mixEnd: no mix has started/, ['mixEnd', 0.5])
  step(/mixStart: another mix has not ended/, ['mixStart'], ['mixStart'])
  step(/a mix has not ended/, ['mixStart'], ['mixAdd', 1])

  const image = tensor(new Uint8Array(12)).reshape([1, 2, 2, 3])
  const none = new Float64Array(0)
  t.throws(() => augmentImages(image, [none, none]), { code: 'ERR_SHAPE', message: /offsets .* 2, not 3/ })
  t.throws(() => augmentImages(image.to({ dtype: 'float32' }), [none]), {
    code: 'ERR_TYPE',
    message: /images must be uint8/,
  })
  t.throws(() => augmentImages(image.permute([0, 3, 1, 2]), [none]), { code: 'ERR_SHAPE' })
  t.throws(() => augmentImages(image.transpose(1, 2), [none]), { code: 'ERR_SHAPE', message: /must be contiguous/ })
  const raw = (numbers, offsets) => () => native().augmentImages(image, numbers, offsets)
  t.throws(raw([1], Int32Array.of(0, 1)), { code: 'ERR_TYPE', message: /programs must be a Float64Array/ })
  t.throws(raw(none, [0, 0]), { code: 'ERR_TYPE', message: /offsets must be a Int32Array/ })
  for (const offsets of [
    [0, 1],
    [-1, 0],
    [1, 0],
  ])
    t.throws(raw(none, Int32Array.from(offsets)), { code: 'ERR_VALUE', message: /offsets must not fall/ })
})
