/* Lists of image files in CSV and JSONL: what they may look like, what they may name, and which line is wrong. */
import fs from 'node:fs'
import path from 'node:path'
import * as mb from 'mbconv'
import t from 'tap'
import { internal } from './helpers/internals.mjs'

const { datasetOf } = mb.data
const { readList } = internal('listFile')
const GOLDEN = JSON.parse(fs.readFileSync('test/golden/data-sources.json', 'utf8'))

const root = fs.realpathSync(t.testdir())
const IMAGES = ['a.jpg', 'b.jpg', 'c.jpg', 'd.jpg', 'deep/e.jpg', 'grün/ü.jpg']
for (const name of IMAGES) {
  fs.mkdirSync(path.join(root, path.dirname(name)), { recursive: true })
  fs.writeFileSync(path.join(root, name), name)
}
let made = 0
function listOf(content, extension = 'csv') {
  const file = path.join(root, `list-${made++}.${extension}`)
  fs.writeFileSync(file, content)
  return file
}
const jsonl = (...rows) => listOf(rows.map((row) => JSON.stringify(row)).join('\n'), 'jsonl')
const open = (train, options = {}) => datasetOf({ dataset: 'list', list: { train, ...options } })
const whole = (train, options) => open(train, { validation: train, ...options })
const rowsOf = (part) =>
  Array.from({ length: part.length }, (_, i) => [path.relative(root, part.read(i).name), part.classes[part.labels[i]]])
const COLUMNS = { path: 'path', label: 'label', split: null, group: null }
const refused = (t, list, message, options) =>
  t.throws(() => whole(list, options), { code: 'ERR_DATA', message, hint: /\w/ }, String(message))

t.test('CSV as Python reads it', async (t) => {
  for (const { name, text, rows } of GOLDEN.tables) {
    const read = []
    readList(listOf(text), { columns: COLUMNS, multiLabel: false }, (row) => read.push([row.path, ...row.labels]))
    t.same(read, rows, name)
  }
})

t.test('encodings, line breaks, and JSONL', async (t) => {
  const rows = [
    ['a.jpg', 'cat'],
    ['grün/ü.jpg', 'Käfer'],
  ]
  const csv = `path,label\n${rows.map((row) => row.join()).join('\n')}\n`
  const utf16 = Buffer.from(`\ufeff${csv}`, 'utf16le')
  const lists = {
    'a mark': listOf(`\ufeff${csv}`),
    CRLF: listOf(csv.replaceAll('\n', '\r\n')),
    CR: listOf(csv.replaceAll('\n', '\r')),
    'UTF-16, little': listOf(utf16),
    'UTF-16, big': listOf(Buffer.from(utf16).swap16()),
    'empty lines': listOf(csv.replaceAll('\n', '\n\n')),
    JSONL: jsonl({ path: 'a.jpg', label: 'cat' }, { label: 'Käfer', path: 'grün/ü.jpg', more: [1] }),
    'JSONL with a mark and CRLF': listOf(
      '\ufeff{"path":"a.jpg","label":["cat"]}\r\n\r\n{"path":"grün/ü.jpg","label":"Käfer"}\r\n',
    ),
    'JSONL in UTF-16': listOf(
      Buffer.from('\ufeff{"path":"a.jpg","label":"cat"}\n{"path":"grün/ü.jpg","label":"Käfer"}', 'utf16le'),
    ),
  }
  for (const [name, list] of Object.entries(lists)) t.same(rowsOf(whole(list).train), rows, name)
  refused(t, listOf(Buffer.from('path,label\n\xff.jpg,cat', 'latin1')), /is not UTF-8 text/)
})

t.test('paths: below the list, below another folder, absolute, through ..', async (t) => {
  const list = listOf(`path,label\ndeep/e.jpg,x\ndeep/../a.jpg,x\n${path.join(root, 'b.jpg')},y\n`)
  t.same(
    rowsOf(whole(list).train).map(([name]) => name),
    ['deep/e.jpg', 'a.jpg', 'b.jpg'],
  )
  t.same(rowsOf(whole(listOf('path,label\ne.jpg,x\n'), { root: path.join(root, 'deep') }).train), [['deep/e.jpg', 'x']])
  refused(
    t,
    listOf('path,label\nnone.jpg,x\ndeep,y\n'),
    /line 2: ".*none\.jpg": no such file; line 3: ".*deep": a folder$/,
  )
  if (process.platform === 'linux')
    refused(t, listOf('path,label\n/dev/zero,x\n'), /line 2: "\/dev\/zero": not a regular file/)
})

t.test('classes: names in the order of their bytes, or whole numbers', async (t) => {
  t.same(whole(listOf('path,label\na.jpg,dog\nb.jpg,Cat\nc.jpg,10\nd.jpg,dog')).train.classes, ['10', 'Cat', 'dog'])
  const { classes, labels } = whole(listOf('path,label\na.jpg,3\nb.jpg,0\nc.jpg,10')).train
  t.same(classes, ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '10'])
  t.same([...labels], [3, 0, 10])
  t.same([...whole(jsonl({ path: 'a.jpg', label: 1 }, { path: 'b.jpg', label: '0' })).train.labels], [1, 0])
  refused(t, listOf('path,label\na.jpg,20231105'), /has a class number 20231105/)
})

t.test('several labels', async (t) => {
  const list = listOf('path,label\na.jpg,cat|dog\nb.jpg,\nc.jpg, dog | dog \nd.jpg,cat')
  const { train } = whole(list, { multiLabel: true })
  t.same(train.classes, ['cat', 'dog'])
  t.same([...train.labels], [0, -1, 1, 0])
  t.same([0, 1, 2, 3].map(train.labelsOf), [[0, 1], [], [1], [0]])
  const rows = jsonl(
    { path: 'a.jpg', label: ['cat', 'a|b'] },
    { path: 'b.jpg', label: [] },
    { path: 'c.jpg', label: 'cat' },
  )
  t.same([0, 1, 2].map(whole(rows, { multiLabel: true }).train.labelsOf), [[1, 0], [], [1]])
  t.equal(whole(listOf('path,label\na.jpg,cat|dog')).train.classes[0], 'cat|dog', 'one label otherwise')
  refused(t, rows, /line 1: has 2 labels/)
})

t.test('parts and groups', async (t) => {
  const list = listOf('path,label,split\na.jpg,x,train\nb.jpg,y,train\nc.jpg,x,VAL\nd.jpg,y,test\n')
  const { train, validation, test } = open(list)
  t.same([train, validation, test].map(rowsOf), [
    [
      ['a.jpg', 'x'],
      ['b.jpg', 'y'],
    ],
    [['c.jpg', 'x']],
    [['d.jpg', 'y']],
  ])
  const own = listOf('path,label\nd.jpg,y\n')
  const mixed = listOf('path,label,split\na.jpg,x,train\nb.jpg,y,train\nc.jpg,x,val\n')
  t.same(rowsOf(open(mixed, { test: own }).test), [['d.jpg', 'y']])
  t.same(rowsOf(open(mixed, { test: own }).validation), [['c.jpg', 'x']])
  t.throws(() => open(listOf('path,label\na.jpg,x\nb.jpg,y\n'), { test: list }), {
    code: 'ERR_DATA',
    message: /has a column that says the parts/,
  })
  t.throws(() => open(list, { test: list }), {
    code: 'ERR_CONFIG',
    message: /^data\.list\.test: .*has images whose split is test/,
  })
  refused(t, listOf('path,label,split\na.jpg,x,train\nb.jpg,y,test\n'), /no training image has the class "y"/, {
    validation: null,
  })
  refused(t, listOf('path,label,split\na.jpg,x,trial\n'), /line 2: split must be train, training, val/)
  refused(t, listOf('path,label,split\na.jpg,x,test\n'), /has no image whose split is train/, { validation: null })
  refused(t, jsonl({ path: 'a.jpg', label: 'x', split: 'train' }, { path: 'b.jpg', label: 'x' }), /line 2 has no part/)
  const other = listOf('path,label\na.jpg,z\n')
  refused(t, listOf('path,label\na.jpg,x\n'), /line 2: no training image has the class "z"/, { validation: other })
  // Images of one group are on one side.
  const lines = Array.from({ length: 200 }, (_, i) => {
    fs.writeFileSync(path.join(root, `g${i}.jpg`), String(i))
    return `g${i}.jpg,x,patient ${i % 40}`
  })
  const grouped = listOf(`path,label,group\n${lines.join('\n')}`)
  const parts = open(grouped, { split: 0.3 })
  const [learned, tested] = [parts.train, parts.test].map(
    (part) => new Set(rowsOf(part).map(([name]) => Number(/\d+/.exec(name)) % 40)),
  )
  t.ok(tested.size > 3)
  t.notOk([...tested].some((group) => learned.has(group)))
  // Images without a group are divided by their content, wherever their lines are.
  const some = lines.map((line, i) => (i % 5 === 0 ? line : line.replace(/patient.*/, '')))
  const sides = (list) => {
    const { train, test } = open(listOf(`path,label,group\n${list.join('\n')}`), { split: 0.3 })
    return [train, test].map((part) =>
      rowsOf(part)
        .map(([name]) => name)
        .toSorted(),
    )
  }
  t.same(sides(some), sides(some.toReversed()))
  t.throws(() => open(grouped, { group: 'g' }), { code: 'ERR_CONFIG', message: /^data\.list\.group: has no effect/ })
})

t.test('columns of other names', async (t) => {
  const list = listOf('File Name,Class,label\na.jpg,cat,1\n')
  t.same(rowsOf(whole(list, { columns: { path: 'file name', label: 'class' } }).train), [['a.jpg', 'cat']])
  refused(t, list, /has no column "path"; its first line has "File Name", "Class", "label"$/)
  refused(t, listOf('path,label,path\na.jpg,x,b\n'), /has two columns called "path"/)
  refused(t, listOf('path,label\na.jpg,x\n'), /has no column "fold"/, { columns: { split: 'fold' } })
  refused(t, jsonl({ path: 'a.jpg', label: 'x' }), /line 1 has no "fold"/, { columns: { split: 'fold' } })
})

t.test('the wrong line is named', async (t) => {
  const cases = {
    'path,label\na.jpg,x\nb.jpg\n': /line 3: has another number of fields than the first line/,
    'path,label\na.jpg,x\n"b.jpg,y\n': /a quoted field does not end/,
    'path,label\na.jpg,x\nb".jpg,y\n': /line 3: a quote is inside a field/,
    'path,label\n,x\n': /line 2: has no path/,
    'path,label\na.jpg,\n': /line 2: has no label/,
    'path,label\na.jpg,x\na.jpg,y\n': /line 3 gives "a\.jpg" other classes than line 2/,
    'path,label\n"a\nb",x\na.jpg,\n': /line 4: has no label/,
    'path,label\n': /lists no image/,
    '': /is empty/,
    '{"path":"a.jpg","label":"x"}\nnonsense\n': /line 2 is not JSON/,
    '{"path":"a.jpg","label":"x"}\n[1]\n': /line 2 is no JSON object/,
    '{"path":"a.jpg","label":"x"}\n{"path":7,"label":"x"}\n': /line 2: has no path/,
    '{"path":"a.jpg"}\n': /line 1: has no label/,
    '{"path":"a.jpg","label":{"a":1}}\n': /line 1: label must be text or a whole number/,
    '{"path":"a.jpg","label":1.5}\n': /line 1: label must be text or a whole number/,
    '{"path":"\\ud800.jpg","label":"x"}\n': /line 1: .* is no path/,
    '{"path":"a.jpg","label":"x","__proto__":{"split":"test"}}\n{"path":"b.jpg","label":"y","group":[]}':
      /line 2: group must be text/,
  }
  for (const [text, message] of Object.entries(cases)) refused(t, listOf(text), message)
  const long = `path,label\n${'a'.repeat(10e6)}`
  refused(t, listOf(long), /is longer than 1048576 characters/)
  refused(t, listOf(`{"path": "${'a'.repeat(10e6)}`), /line 1 has more than 1048576 characters/)
  const before = process.memoryUsage().rss
  for (let i = 0; i < 5; i++) refused(t, listOf(long), /is longer/)
  t.ok(process.memoryUsage().rss - before < 200e6, 'memory')
  const twice = whole(listOf('path,label\na.jpg,x\nb.jpg,x\na.jpg,x\n'))
  t.match(twice.notes, [/1 line repeat/, /1 line repeat/])
})

t.test('a configuration: paths begin at its folder', async (t) => {
  const list = { train: 'train.csv', test: 'sub/test.csv', root: 'images' }
  const { data } = mb.parseConfig({ model: { name: 'efficientnet_b0' }, data: { dataset: 'list', list }, epochs: 1 })
  t.match(data.list, {
    train: path.resolve('train.csv'),
    test: path.resolve('sub/test.csv'),
    root: path.resolve('images'),
  })
})
