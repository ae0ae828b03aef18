/* Tar shards: members as Python's tarfile finds them, samples as webdataset groups them, and archives that cannot be right. */
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { gzipSync, inflateSync } from 'node:zlib'
import * as mb from 'mbconv'
import t from 'tap'
import { internal } from './helpers/internals.mjs'
import { tarOf } from './helpers/tar.mjs'

const { datasetOf } = mb.data
const { TarFile } = internal('tar')
const { writeShardIndex } = internal('shardIndex')
const { expandBraces, shardFiles } = internal('shardNames')
const { archives } = JSON.parse(fs.readFileSync('test/golden/data-sources.json', 'utf8'))

const root = fs.realpathSync(t.testdir())
let made = 0
function fileOf(bytes, name = `shard-${made++}.tar`) {
  const file = path.join(root, name)
  fs.mkdirSync(path.dirname(file), { recursive: true })
  fs.writeFileSync(file, bytes)
  return file
}
const membersOf = (file) => {
  const tar = new TarFile(file)
  try {
    return [...tar.members()].map(({ name, ...rest }) => ({ name: Buffer.from(name, 'latin1').toString(), ...rest }))
  } finally {
    tar.close()
  }
}
const open = (train, options = {}) => datasetOf({ dataset: 'shards', shards: { train, ...options } })
const whole = (train, options) => open(train, { validation: train, ...options })
const JPEG = Buffer.from([0xff, 0xd8, 0xff, 1, 2, 3])
const pairs = (...labels) =>
  labels.flatMap((label, i) => [
    [`${i}.jpg`, Buffer.concat([JPEG, Buffer.from(label)])],
    [`${i}.cls`, label],
  ])

t.test('members and samples of archives that Python wrote', async (t) => {
  for (const { name, tar, members, samples } of archives) {
    const bytes = inflateSync(Buffer.from(tar, 'base64'))
    const file = fileOf(bytes)
    t.same(
      membersOf(file).map((member) => [member.name, member.offset, member.bytes]),
      members,
      name,
    )
    const { train } = whole(file)
    t.equal(train.length, samples.length, name)
    const found = Array.from({ length: train.length }, (_, i) => train.read(i))
    t.same(
      found.map((image) => image.name.slice(file.length + 1).replace(/(^|\/)([^/.]*)\..*$/, '$1$2')),
      samples.map(([key]) => key),
    )
    const firsts = found.map(({ part }) => bytes.subarray(part.offset, part.offset + part.length))
    t.same(firsts[0], Buffer.concat([JPEG.subarray(0, 3), Buffer.from('first'.repeat(9))]), 'the bytes of an image')
    t.same([...train.labels].slice(0, 4), [3, 12, 0, 7])
    t.equal(train.classes.length, 13)
  }
})

t.test('sizes in base 256, a last block of zeros or none, joined archives', async (t) => {
  const entries = pairs('0', '1')
  const plain = membersOf(fileOf(tarOf(entries)))
  t.same(membersOf(fileOf(tarOf(entries, { base256: true }))), plain)
  t.same(membersOf(fileOf(tarOf(entries, { end: 0 }))), plain)
  t.same(membersOf(fileOf(tarOf(entries, { end: 20 }))), plain)
  const joined = membersOf(fileOf(Buffer.concat([tarOf(entries), tarOf([['2.jpg', 'x']])])))
  t.same(
    joined.map(({ name }) => name),
    ['0.jpg', '0.cls', '1.jpg', '1.cls', '2.jpg'],
  )
  t.same(membersOf(fileOf(Buffer.alloc(0))), [])
})

t.test('labels: numbers, JSON, text; names of numbered classes', async (t) => {
  const json = fileOf(
    tarOf([
      ['0.jpg', JPEG],
      ['0.json', '{"label":"dog","id":1}'],
      ['1.png', JPEG],
      ['1.json', '{"label":"cat","id":0}'],
    ]),
  )
  t.same(
    [whole(json).train.classes, [...whole(json).train.labels]],
    [
      ['cat', 'dog'],
      [1, 0],
    ],
  )
  t.same([...whole(json, { labelKey: 'id' }).train.labels], [1, 0])
  const text = fileOf(
    tarOf([
      ['a.jpg', JPEG],
      ['a.txt', 'a dog\n'],
      ['a.cls', '5'],
    ]),
  )
  t.same(whole(text).train.labels[0], 5, 'a number before a text')
  t.same(whole(text, { label: 'txt' }).train.classes, ['a dog'])
  const several = fileOf(
    tarOf([
      ['0.jpg', JPEG],
      ['0.json', '{"label":["a","b","a"]}'],
      ['1.jpg', JPEG],
      ['1.json', '{"label":[]}'],
    ]),
  )
  const { train } = whole(several, { multiLabel: true })
  t.same([0, 1].map(train.labelsOf), [[0, 1], []])
  const numbered = fileOf(tarOf(pairs('0', '2')))
  const classes = fileOf('cat\ncow\ndog\nemu\n', 'classes.txt')
  t.same(whole(numbered, { classes }).train.classes, ['cat', 'cow', 'dog', 'emu'])
  t.throws(() => whole(numbered, { classes: fileOf('cat\ncow\n', 'few.txt') }), {
    code: 'ERR_DATA',
    message: /has 2 names, and the labels go up to 2/,
  })
  t.throws(() => whole(json, { classes }), { code: 'ERR_CONFIG', message: /^data\.shards\.classes: has no effect/ })
  const masks = fileOf(
    tarOf([
      ['0.jpg', JPEG],
      ['0.seg.png', JPEG],
      ['0.cls', '1'],
    ]),
  )
  t.throws(() => whole(masks), {
    code: 'ERR_DATA',
    message: /:0: has several images: jpg, seg\.png/,
    hint: /data\.shards\.image/,
  })
  t.match(whole(masks, { image: 'jpg' }).train.read(0).name, /:0\.jpg$/)
})

t.test('samples that are not whole, and what belongs to none', async (t) => {
  const refused = (entries, message, options) =>
    t.throws(() => whole(fileOf(tarOf(entries)), options), { code: 'ERR_DATA', message, hint: /\w/ })
  refused([['0.jpg', JPEG]], /:0: has an image but no label \(cls, json, txt\)/)
  refused(
    [
      ['0.jpg', JPEG],
      ['1.jpg', JPEG],
      ['0.cls', '1'],
      ['1.cls', '1'],
    ],
    /:0: has an image but no label/,
  )
  refused(
    [
      ['0.jpg', JPEG],
      ['0.cls', 'cat'],
    ],
    /:0\.cls: must hold a whole number, not "cat"/,
  )
  refused(
    [
      ['0.jpg', JPEG],
      ['0.cls', ' '],
    ],
    /:0\.cls: is empty/,
  )
  refused(
    [
      ['0.jpg', JPEG],
      ['0.json', '{'],
    ],
    /:0\.json: is not JSON/,
  )
  refused(
    [
      ['0.jpg', JPEG],
      ['0.json', '{"labels":1}'],
    ],
    /:0\.json: must have a text or whole number at "label"/,
  )
  refused(
    [
      ['0.jpg', JPEG],
      ['0.txt', 'x'.repeat(2 ** 20 + 1)],
    ],
    /:0\.txt: has 1048577 bytes, too many for a label/,
  )
  refused([['README', 'x']], /has no images/)
  const other = fileOf(tarOf(pairs('9')))
  t.throws(() => open(fileOf(tarOf(pairs('1'))), { test: other }), {
    code: 'ERR_DATA',
    message: `${other}:0.jpg: no training image has the class "9"`,
  })
  const { notes, train } = whole(fileOf(tarOf([['README', 'x'], ['note.txt', 'y'], ...pairs('1')])))
  t.equal(train.length, 1)
  t.match(notes.join('\n'), /1 member of an archive without an extension is left out: .*:README/)
  t.match(notes.join('\n'), /1 sample of an archive without an image is left out: .*:note/)
})

t.test('archives that cannot be right', async (t) => {
  const refused = (bytes, message) =>
    t.throws(() => membersOf(fileOf(bytes)), { code: 'ERR_DATA', message, hint: /\w/ }, String(message))
  const good = tarOf(pairs('0'))
  refused(Buffer.from('x'.repeat(1024)), /is no tar archive, or it is damaged/)
  refused(good.subarray(0, 300), /ends early/)
  refused(good.subarray(0, 514), /ends early: 7 bytes should follow at 512/)
  refused(gzipSync(good), /is compressed with gzip/)
  refused(tarOf([['0.jpg', JPEG]], { type: '2', link: '../../etc/passwd' }), /"0\.jpg" is a symbolic link, no file/)
  refused(tarOf([['0.jpg', JPEG]], { type: '1' }), /is a link to another member/)
  refused(tarOf([['0.jpg', JPEG]], { type: 'S' }), /is a file with holes/)
  refused(tarOf([['0.jpg', JPEG]], { type: '3' }), /is a device/)
  refused(tarOf([['0.jpg', JPEG]], { type: 'Q' }), /is of an unknown type, "Q"/)
  refused(tarOf([['0.jpg', JPEG]], { size: 2 ** 40, base256: true }), /ends early: 1099511627776 bytes should follow/)
  refused(tarOf([['0.jpg', JPEG]], { rawSize: Buffer.alloc(12, 0xff) }), /has a negative size/)
  refused(
    tarOf([['0.jpg', JPEG]], { rawSize: Buffer.from([0x80, 0, ...Array(10).fill(255)]) }),
    /has a size beyond all files/,
  )
  refused(tarOf([['0.jpg', JPEG]], { rawSize: Buffer.from('9'.repeat(12)) }), /has a size that is no number/)
  refused(tarOf([['', JPEG]]), /has a member without a name/)
  refused(tarOf([['x', 'y'.repeat(5000)]], { type: 'L' }), /ends early: nothing follows an extended header/)
  refused(Buffer.concat([tarOf([['x', 'y'.repeat(5000)]], { type: 'L', end: 0 }), good]), /has a name of 5000 bytes/)
  refused(Buffer.concat([tarOf([['x', 'a\0b']], { type: 'L', end: 0 }), good]), /has a name with a zero byte/)
  for (const records of ['5 a=b', '99 path=x\n', 'x path=y\n', '0 a=b\n', '6 ab\n\n'])
    refused(
      Buffer.concat([tarOf([['x', records]], { type: 'x', end: 0 }), good]),
      /has an extended header that is damaged/,
    )
  refused(
    Buffer.concat([tarOf([['x', '22 GNU.sparse.major=1\n']], { type: 'x', end: 0 }), good]),
    /is a file with holes/,
  )
  refused(
    Buffer.concat([tarOf([['x', '12 path=a.b\n']], { type: 'g', end: 0 }), good]),
    /has one name or size for all members/,
  )
  refused(Buffer.concat([tarOf([['x', '']], { type: 'x', end: 0, size: 2 ** 30 }), Buffer.alloc(0)]), /ends early/)
  refused(Buffer.concat([good, Buffer.alloc(2 ** 21)]), /has more than 1048576 bytes of zeros/)
  // Nothing is extracted, so these are names like any other.
  const names = ['../../up.jpg', '/etc/x.jpg', 'a\n\x1b[31m.jpg'].map((name) => [name, JPEG])
  t.same(
    membersOf(fileOf(tarOf(names))).map(({ name }) => name),
    names.map(([name]) => name),
  )
})

t.test('an index beside an archive: used if it fits, and not if it is old or damaged', async (t) => {
  const entries = [
    ['é.jpg', JPEG],
    ['é.json', '{"label":"ü"}'],
    ['long.jpg', JPEG],
    ['long.txt', 'x'.repeat(2000)],
    ...pairs('cat'),
  ]
  const tar = tarOf(entries.map(([name, content]) => (name === '0.cls' ? ['0.txt', content] : [name, content])))
  const file = fileOf(tar)
  const images = () => {
    const { train } = whole(file)
    return Array.from({ length: train.length }, (_, i) => ({ ...train.read(i), label: train.classes[train.labels[i]] }))
  }
  const without = images()
  t.equal(without.length, 3)
  const { index, members } = writeShardIndex(file)
  t.same([index, members], [`${file}.index.json`, 6])
  t.same(images(), without)
  // Only the index knows this label.
  const good = fs.readFileSync(index, 'utf8')
  const { mtimeMs } = fs.statSync(file)
  const change = (edit) => {
    const value = JSON.parse(good)
    edit(value)
    const sha256 = createHash('sha256').update(JSON.stringify(value.members)).digest('hex')
    fs.writeFileSync(index, JSON.stringify({ ...value, sha256 }))
  }
  change(({ members }) => {
    members.at(-1)[3] = 'dog'
  })
  t.equal(images().at(-1).label, 'dog', 'the index is what is read')
  for (const edit of [
    (value) => {
      value.modified++
    },
    (value) => {
      value.bytes++
    },
    (value) => {
      value.format = 2
    },
    ({ members }) => {
      members[0][1] = 1e12
    },
    ({ members }) => {
      members[0][2] = -1
    },
    ({ members }) => {
      members.at(-1)[3] = 'longer'
    },
    ({ members }) => {
      members[0] = null
    },
  ]) {
    change(edit)
    t.same(images(), without, edit.toString())
  }
  for (const damaged of ['', '{', good.slice(0, -9), good.replace('"cat"', '"cow"')]) {
    fs.writeFileSync(index, damaged)
    t.same(images(), without)
  }
  fs.writeFileSync(index, good)
  fs.writeFileSync(file, tarOf(pairs('1')))
  fs.utimesSync(file, mtimeMs / 1000 + 10, mtimeMs / 1000 + 10)
  t.same(
    images().map(({ label }) => label),
    ['1'],
    'the archive has changed',
  )
})

t.test('names of shards', async (t) => {
  t.same(expandBraces('train-{000..002}.tar'), ['train-000.tar', 'train-001.tar', 'train-002.tar'])
  t.same(expandBraces('{a,b}/{8..10}.tar').join(), 'a/8.tar,a/9.tar,a/10.tar,b/8.tar,b/9.tar,b/10.tar')
  for (const wrong of [
    '{1..',
    'a}b',
    '{5..1}',
    '{x}',
    '{{1..2}}',
    '{0..9999999}',
    '{0..9999}{0..9999}',
    '{a,b}'.repeat(20_000),
    '{1..2..3}',
  ])
    t.throws(() => expandBraces(wrong), { code: 'ERR_CONFIG' }, wrong)
  const folder = path.join(root, 'many')
  for (const name of ['t-0.tar', 't-1.tar', 'v-0.TAR', 'note.txt']) fileOf(tarOf(pairs('0')), `many/${name}`)
  const named = (...patterns) =>
    shardFiles(patterns.map((name) => path.join(folder, name))).map((file) => path.relative(folder, file))
  t.same(named('t-{0..1}.tar'), ['t-0.tar', 't-1.tar'])
  t.same(named('.'), ['t-0.tar', 't-1.tar', 'v-0.TAR'])
  t.same(named('t-*.tar', 't-0.tar'), ['t-0.tar', 't-1.tar'])
  for (const wrong of ['t-{0..2}.tar', 'x-*.tar', 'none/*.tar', 'none.tar'])
    t.throws(() => named(wrong), { code: 'ERR_DATA', message: /no such file|has no shards/ }, wrong)
  for (const wrong of ['pipe:curl -s x', 'https://example.org/a.tar', 's3://b/a.tar']) {
    t.throws(() => shardFiles([wrong]), { code: 'ERR_DATA', message: /is no local file/ })
    const message = wrong.startsWith('pipe:') ? /train: is a command/ : /^data\.shards\.train: must be local files/
    t.throws(() => open(wrong), { code: 'ERR_CONFIG', message })
  }
  const { train } = whole([path.join(folder, 't-0.tar'), path.join(folder, 'v-*')])
  t.same(
    [0, 1].map((i) => train.read(i).file),
    [path.join(folder, 't-0.tar'), path.join(folder, 'v-0.TAR')],
  )
  const { data } = mb.parseConfig({
    ...{ model: { name: 'efficientnet_b0' }, epochs: 1 },
    data: { dataset: 'shards', shards: { train: ['a-{0..9}.tar', 'b'], validation: 'v.tar' } },
  })
  t.same(data.shards.train, [path.resolve('a-{0..9}.tar'), path.resolve('b')])
  t.equal(data.shards.validation, path.resolve('v.tar'))
})

t.test('held-out images of shards, and fingerprints', async (t) => {
  const entries = (range) =>
    range.flatMap((i) => [
      [`${i}.jpg`, `image ${i}`],
      [`${i}.cls`, String(i % 2)],
    ])
  const range = (from, to) => Array.from({ length: to - from }, (_, i) => from + i)
  const one = fileOf(tarOf(entries(range(0, 300))))
  const [first, second] = [fileOf(tarOf(entries(range(0, 100)))), fileOf(tarOf(entries(range(100, 300))))]
  const namesOf = (part) => Array.from({ length: part.length }, (_, i) => /[^:/]*$/.exec(part.read(i).name)[0])
  const [a, b] = [open(one, { split: 0.3 }), open([first, second], { split: 0.3 })]
  t.ok(a.test.length > 60 && a.test.length < 120)
  t.same(namesOf(a.test), namesOf(b.test), 'wherever the images lie')
  t.equal(a.train.fingerprint(), b.train.fingerprint())
  t.not(a.train.fingerprint(), open(one, { split: 0.4 }).train.fingerprint())
})
