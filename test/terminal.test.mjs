/* What the command shows: progress, charts, tables, numbers, colour. No process is started here. */
import fc from 'fast-check'
import t from 'tap'
import { internal } from './helpers/internals.mjs'

const { beside, chart } = internal('chart')
const { confusionLines } = internal('confusion')
const format = internal('format')
const { cutTo, onTerminal, padEnd, padStart, painter, table, wantsColor, wantsUnicode, widthOf, wrap } =
  internal('output')
const { createProgress } = internal('progressLine')

const plain = painter(false)
const ESCAPE = '\u001b'
const SGR = new RegExp(`${ESCAPE}\\[[\\d;]*m`, 'g')

/** A stream that keeps what is written; a terminal when `columns` is given. */
function recorder(columns) {
  const writes = []
  return { write: (text) => writes.push(text), writes, columns, isTTY: columns !== undefined }
}

const START = { type: 'start', steps: 40, stepsPerEpoch: 10, epochs: 4, startStep: 0 }
const step = (number, loss = 1) => ({
  type: 'step',
  step: number,
  epoch: Math.ceil(number / 10),
  loss,
  lr: 0.0016,
  imagesPerSecond: 1234.4,
  dataWait: number > 20 ? 0.004 : 0.125,
  memory: 512 * 2 ** 20,
})
const evaluation = (epoch) => ({ type: 'eval', step: 10 * epoch, epoch, loss: 0.5, top1: 0.975, top5: 1 })

t.test('without a terminal: a line an epoch, no control characters', async (t) => {
  const stream = recorder()
  let now = 0
  const progress = createProgress(stream, { env: {}, now: () => now })
  progress.event(START)
  now = 20_000
  for (let number = 1; number <= 10; number++) progress.event(step(number, number))
  progress.event(evaluation(1))
  for (let number = 11; number <= 25; number++) progress.event(step(number))
  progress.note('warning: look')
  progress.end()
  progress.end()
  t.same(stream.writes, [
    'epoch 1/4  step 10/40  loss 5.5000  lr 1.6e-3  1,234 images/s  waits 13 % for data  512 MiB  1:00 left  test loss 0.5000  top-1 97.50 %  top-5 100.00 %\n',
    'epoch 2/4  step 20/40  loss 1.0000  lr 1.6e-3  1,234 images/s  waits 13 % for data  512 MiB  0:20 left\n',
    'warning: look\n',
    'epoch 3/4  step 25/40  loss 1.0000  lr 1.6e-3  1,234 images/s  512 MiB  0:12 left\n',
  ])
  t.notMatch(stream.writes.join('').replaceAll('\n', ''), /\p{Cc}/u)
})

t.test('on a terminal: one line, ten times a second at most, gone at the end', async (t) => {
  const stream = recorder(140)
  let now = 0
  const progress = createProgress(stream, { env: { TERM: 'xterm', NO_COLOR: '1', LANG: 'C.UTF-8' }, now: () => now })
  progress.event(START)
  for (let number = 1; number <= 10; number++) {
    now += 25
    progress.event(step(number))
  }
  t.equal(stream.writes.length, 3, '250 ms: after 25 (the first), 125 and 225')
  progress.event(evaluation(1))
  const last = stream.writes.at(-1)
  t.match(
    last.replaceAll(ESCAPE, ''),
    /^\repoch 1\/4 {2}━+─+ {2}loss 1\.0000 {2}top-1 97\.50 % {2}0:01 left {2}1,234 images\/s {2}waits 13 % for data {2}step 10\/40 {2}lr 1\.6e-3 {2}512 MiB\[K$/,
  )
  t.equal(stream.writes.join('').includes('\n'), false)
  progress.note('warning: look')
  t.same(stream.writes.slice(-3), ['\r\u001b[K', 'warning: look\n', last])
  progress.end()
  t.equal(stream.writes.at(-1), '\r\u001b[K')
})

t.test('the line never wraps, whatever the width', async () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 12, max: 200 }),
      fc.integer({ min: 1, max: 40 }),
      fc.boolean(),
      (columns, number, color) => {
        const stream = recorder(columns)
        const progress = createProgress(stream, { env: { TERM: 'xterm', FORCE_COLOR: color ? '1' : '0' } })
        progress.event(START)
        progress.event(step(number, Number.NaN))
        progress.event(evaluation(1))
        for (const text of stream.writes) {
          const length = widthOf(text.slice(1, -'\u001b[K'.length).replace(SGR, ''))
          if (length >= columns) throw new Error(`${length} of ${columns}: ${JSON.stringify(text)}`)
        }
      },
    ),
  )
})

t.test('quiet: nothing but notes; a dumb terminal: plain lines', async (t) => {
  const stream = recorder(80)
  const quiet = createProgress(stream, { quiet: true })
  for (const event of [START, step(1), evaluation(1)]) quiet.event(event)
  quiet.note('warning: look')
  quiet.end()
  t.same(stream.writes, ['warning: look\n'])
  const dumb = recorder(80)
  const progress = createProgress(dumb, { env: { TERM: 'dumb' } })
  for (const event of [START, step(1)]) progress.event(event)
  progress.end()
  t.equal(dumb.writes.length, 1)
  t.notMatch(dumb.writes[0].trimEnd(), /\p{Cc}/u)
})

t.test('columns: what terminals make of East Asian characters, emoji, marks and colours', async (t) => {
  const family = '\u{1f468}\u200d\u{1f469}\u200d\u{1f467}'
  for (const [text, width] of [
    ['', 0],
    ['plain', 5],
    ['日本', 4],
    ['e\u0301', 1],
    ['ｱ', 1],
    [family, 2],
    ['·→━', 3],
    [painter(true)('red', '猫'), 2],
    ['\u001b[31m', '\\u001b[31m'.length],
  ]) {
    t.equal(widthOf(text), width, JSON.stringify(text))
  }
  t.equal(padEnd('猫', 4), '猫  ')
  t.equal(padStart('猫', 4), '  猫')
  t.equal(cutTo('日本語', 5), '日本')
  t.equal(cutTo('日本語', 6), '日本語')
  t.equal(cutTo(`a${family}b`, 2), 'a', 'a character of several code points stays whole')
  t.same(wrap('猫 犬 鳥', 5), ['猫 犬', '鳥'])
  t.same(
    table(
      [{ title: 'class' }, { title: 'n', right: true }],
      [
        ['日本語', '1'],
        ['cat', '20'],
      ],
    ),
    ['class    n', '日本語   1', 'cat     20'],
  )
  const output = { unicode: true, colored: false, columns: 80, paint: plain }
  const matrix = [
    [3, 1],
    [0, 4],
  ]
  const [, ...lines] = confusionLines(matrix, ['日本語の長い名前', 'cat'], output)
  t.match(lines[0], '日本語の長…', 'cut to twelve columns')
  t.equal(new Set(lines.slice(1).map(widthOf)).size, 1, 'rows of one width')
})

t.test('colour: FORCE_COLOR before NO_COLOR before the terminal', async (t) => {
  const terminal = { isTTY: true }
  t.equal(wantsColor(terminal, { TERM: 'xterm' }), true)
  t.equal(wantsColor(terminal, { TERM: 'dumb' }), false)
  t.equal(wantsColor(terminal, { NO_COLOR: '1' }), false)
  t.equal(wantsColor(terminal, { NO_COLOR: '' }), true)
  t.equal(wantsColor({}, {}), false)
  t.equal(wantsColor({}, { FORCE_COLOR: '1', NO_COLOR: '1' }), true)
  t.equal(wantsColor(terminal, { FORCE_COLOR: '0' }), false)
  t.equal(wantsUnicode({ LANG: 'en_GB.UTF-8' }), true)
  t.equal(wantsUnicode({ LC_ALL: 'C', LANG: 'en_GB.UTF-8' }), false)
  t.equal(wantsUnicode({ LANG: 'en_GB.ISO-8859-1' }), false)
  t.equal(wantsUnicode({}), true)
})

t.test('tables align by what is visible', async (t) => {
  const red = painter(true)('red', 'ab')
  t.same(
    table(
      [{ title: 'name' }, { title: 'n', right: true }],
      [
        [red, '1'],
        ['abcdef', '234'],
      ],
      plain,
    ),
    ['name      n', `${red}        1`, 'abcdef  234'],
  )
})

t.test('charts', async (t) => {
  const line = chart(
    { title: 'rising', points: [0, 1, 2, 3].map((x) => [x, x]), label: String },
    { width: 8, height: 4, unicode: false },
  )
  t.same(
    line,
    ['    risi', '3 |    *', '  |   *', '  |  *', '0 | *', '    0  3'].map((text) => text.padEnd(8)),
  )
  const dots = chart(
    {
      title: 'x',
      points: [
        [1, 5],
        [2, 5],
      ],
      label: String,
    },
    { width: 20, height: 3, unicode: true },
  )
  t.match(dots.join('\n'), /[\u2801-\u28ff]/, 'a flat line is drawn')
  t.same(
    chart({ title: 'none', points: [[1, Number.NaN]], label: String }, { width: 20, height: 3, unicode: true }),
    [],
  )
  t.same(beside(['a'], ['b', 'c'], '|'), ['a|b', '|c'])
  t.same(beside([], ['b'], '|'), ['b'])
  fc.assert(
    fc.property(
      fc.array(fc.double(), { maxLength: 50 }),
      fc.record({
        width: fc.integer({ min: 30, max: 90 }),
        height: fc.integer({ min: 2, max: 9 }),
        unicode: fc.boolean(),
      }),
      (values, size) => {
        const lines = chart(
          { title: 't', points: values.map((y, x) => [x, y]), label: (y) => y.toExponential(1) },
          size,
        )
        if (lines.length > 0 && lines.length !== size.height + 2) throw new Error(`${lines.length} lines`)
        for (const text of lines) if ([...text].length !== size.width) throw new Error(`width ${[...text].length}`)
      },
    ),
  )
})

t.test('the confusion matrix', async (t) => {
  const output = { paint: plain, unicode: true, colored: false, columns: 80 }
  t.same(
    confusionLines(
      [
        [5, 0],
        [1, 3],
      ],
      ['cat', 'dog'],
      output,
    ),
    [
      'Confusion matrix  (columns: predicted; right: share found)',
      'true  cat dog',
      ' cat    5   ·  100.0 %',
      ' dog    1   3   75.0 %',
    ],
  )
  t.equal(confusionLines([[0]], ['cat'], output)[2], ' cat    ·        ·', 'a class without images')
  const many = Array.from({ length: 30 }, (_, i) =>
    Array.from({ length: 30 }, (_, j) => (i === j ? 9 : i === 3 && j === 7 ? 2 : 0)),
  )
  t.same(
    confusionLines(
      many,
      many.map((_, i) => `class ${i}`),
      output,
    ),
    ['Most frequent mistakes  (true class, taken for)', '       2  class 3 → class 7'],
  )
  t.match(
    confusionLines(
      [
        [9, 1],
        [0, 9],
      ],
      ['a', 'b'],
      { ...output, paint: painter(true), colored: true },
    )
      .map((line) => onTerminal(line, true))
      .join('\n')
      .replaceAll(ESCAPE, ''),
    /\[48;5;40;38;5;231m +9/,
  )
})

t.test('numbers', async (t) => {
  t.equal(format.whole(5288548), '5,288,548')
  t.equal(format.scaled(385814752), '385.8 M')
  t.equal(format.scaled(475703653280), '475.7 G')
  t.equal(format.scaled(999), '999')
  t.same([2 ** 29, 1.5 * 2 ** 30, 12_345_678].map(format.memory), ['512 MiB', '1.5 GiB', '11.8 MiB'])
  t.equal(format.percent(0.98611), '98.61 %')
  t.same([2.305, 12.3456, 123.456, 1.2e-7, 0, Number.NaN, Number.POSITIVE_INFINITY].map(format.loss), [
    '2.3050',
    '12.35',
    '123.5',
    '1.20e-7',
    '0.0000',
    'NaN',
    'infinite',
  ])
  t.same([0.0016, 0].map(format.rate), ['1.6e-3', '0'])
  t.same([5, 65, 3725, Number.NaN].map(format.clock), ['0:05', '1:05', '1:02:05', '–'])
  t.same([8.34, 9.96, 59.4, 59.7, 143.2, 719.6, 760, 3599.7, 3960].map(format.duration), [
    '8.3 s',
    '10 s',
    '59 s',
    '1 min 0 s',
    '2 min 23 s',
    '12 min 0 s',
    '12 min 40 s',
    '1 h 0 min',
    '1 h 6 min',
  ])
})
