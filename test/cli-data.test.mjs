/* mbconv data: what it says about images, what it writes, and what it finds changed, missing, new or broken. */
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import sharp from 'sharp'
import t from 'tap'
import { internal } from './helpers/internals.mjs'
import { tarOf } from './helpers/tar.mjs'

const { main } = createRequire(import.meta.url)('../dist/cli/main.js')
const root = fs.realpathSync(t.testdir())
process.chdir(root)

/** Runs a command in this process, and gives what it writes. */
async function mbconv(...words) {
  const [out, err] = [[], []]
  const { stdout, stderr } = process
  const writes = [stdout.write, stderr.write]
  stdout.write = (text) => out.push(text) > 0
  stderr.write = (text) => err.push(text) > 0
  try {
    const status = await main(['data', ...words])
    return { status, stdout: out.join(''), stderr: err.join('') }
  } finally {
    ;[stdout.write, stderr.write] = writes
  }
}
const json = async (...words) => {
  const { status, stdout } = await mbconv(...words, '--json')
  const lines = stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line))
  return { status, lines, last: lines.at(-1) }
}

/** An image of one colour. */
const image = (red, { width = 20, height = 10 } = {}) =>
  sharp({ create: { width, height, channels: 3, background: { r: red, g: 10, b: 20 } } })
const put = (name, bytes) => {
  fs.mkdirSync(path.dirname(name), { recursive: true })
  fs.writeFileSync(name, bytes)
}
const jpegs = await Promise.all([0, 60, 120, 180].map((red) => image(red).jpeg().toBuffer()))

t.test('inspect: a folder with one of everything', async (t) => {
  put('photos/train/cat/1.jpg', jpegs[0])
  put('photos/train/cat/same.jpg', jpegs[0])
  put('photos/train/cat/turned.jpg', await image(70, { width: 40 }).withMetadata({ orientation: 6 }).jpeg().toBuffer())
  put('photos/train/dog/cmyk.jpg', await image(80).toColourspace('cmyk').jpeg().toBuffer())
  put('photos/train/dog/deep.png', await image(90).toColourspace('rgb16').png().toBuffer())
  put('photos/train/dog/gray.webp', await image(100).webp().toBuffer())
  put('photos/train/dog/gray.png', await image(100).toColourspace('b-w').png().toBuffer())
  put('photos/train/dog/also-a-cat.jpg', jpegs[0])
  put('photos/val/cat/2.jpg', jpegs[1])
  put('photos/val/cat/leaked.jpg', jpegs[0])
  put('photos/val/dog/cut\x1b[31m.jpg', jpegs[2].subarray(0, 200))
  put('photos/val/dog/text.jpg', 'not an image')
  put('photos/val/notes.txt', 'x')
  const { status, last } = await json('inspect', 'photos')
  t.equal(status, 4, 'some are broken')
  t.match(last, {
    ...{ path: 'photos', images: 12, parts: ['train', 'validation'], formats: { jpeg: 7, png: 2, webp: 1 } },
    classes: [
      { name: 'cat', counts: { train: 3, validation: 2 } },
      { name: 'dog', counts: { train: 5, validation: 2 } },
    ],
    ...{ width: { smallest: 20, median: 20, largest: 40 }, height: { smallest: 10, largest: 10 } },
    ...{ rotated: 1, cmyk: 1, gray: 1, deep: 1, leftOut: { other: 1 } },
  })
  t.same(
    last.broken.map(({ name }) => name),
    ['photos/val/dog/cut\x1b[31m.jpg', 'photos/val/dog/text.jpg'],
  )
  const copies = ['train/cat/1.jpg', 'train/cat/same.jpg', 'train/dog/also-a-cat.jpg', 'val/cat/leaked.jpg'].map(
    (name) => `photos/${name}`,
  )
  t.same(last.duplicates, {
    acrossClasses: [{ names: copies, classes: ['cat', 'dog'], parts: ['train', 'validation'] }],
    acrossParts: [{ names: copies, classes: ['cat', 'dog'], parts: ['train', 'validation'] }],
    others: 0,
  })
  t.equal(
    last.bytes,
    fs
      .readdirSync('photos', { recursive: true, withFileTypes: true })
      .reduce(
        (sum, entry) =>
          sum +
          (entry.isFile() && entry.name !== 'notes.txt'
            ? fs.statSync(path.join(entry.parentPath, entry.name)).size
            : 0),
        0,
      ),
  )
  const { stdout, stderr } = await mbconv('inspect', 'photos')
  t.match(stdout, /^photos {2}12 images in 2 classes, [\d.]+ kB\nformats: 7 jpeg, 2 png, 1 webp\n/)
  t.match(stdout, /\nclass +train +validation\ncat +3 +2\ndog +5 +2\n/)
  t.match(stdout, /\nbroken: photos\/val\/dog\/cut\\u001b\[31m\.jpg: /)
  t.match(stdout, /\nthe same image in several parts: photos\/train\/cat\/1\.jpg, /)
  t.match(stderr, /warning: photos: 1 file that is no image is left out: val\/notes\.txt/)
  t.notMatch(stdout + stderr, '\x1b')
})

t.test('index and verify: changed, missing, new and broken images', async (t) => {
  for (const [i, name] of ['a/1.jpg', 'a/2.jpg', 'b/3.jpg', 'b/4.jpg'].entries()) put(`set/${name}`, jpegs[i])
  const indexed = await json('index', 'set')
  t.equal(indexed.status, 0)
  const bytes = jpegs.reduce((sum, { length }) => sum + length, 0)
  t.match(indexed.last, { manifest: 'set/manifest.jsonl', images: 4, classes: 2, bytes })
  const rows = fs
    .readFileSync('set/manifest.jsonl', 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  const sums = spawnSync(
    'sha256sum',
    rows.map((row) => `set/${row.path}`),
    { encoding: 'utf8' },
  ).stdout
  if (sums)
    t.same(
      rows.map(({ path: name, sha256 }) => `${sha256}  set/${name}`),
      sums.trim().split('\n'),
    )
  t.same(
    rows.map((row) => [row.path, row.bytes, row.class]),
    [
      ['a/1.jpg', 'a'],
      ['a/2.jpg', 'a'],
      ['b/3.jpg', 'b'],
      ['b/4.jpg', 'b'],
    ].map(([name, label], i) => [name, jpegs[i].length, label]),
  )
  const whole = await mbconv('verify', 'set')
  t.match(whole, { status: 0, stdout: '4 images: all whole\n', stderr: '' })

  put('set/a/1.jpg', jpegs[3])
  fs.unlinkSync('set/a/2.jpg')
  put('set/b/5.jpg', jpegs[0])
  put('set/b/4.jpg', jpegs[3].subarray(0, 200))
  const { status, lines } = await json('verify', 'set')
  t.equal(status, 4)
  t.same(
    lines.slice(0, -1).map(({ type, name }) => `${type} ${name}`),
    ['changed set/a/1.jpg', 'changed set/b/4.jpg', 'broken set/b/4.jpg', 'new set/b/5.jpg', 'missing a/2.jpg'],
  )
  t.match(lines.at(-1), {
    type: 'result',
    images: 4,
    manifest: true,
    findings: { missing: 1, changed: 2, new: 1, broken: 1 },
  })
  t.match(
    (await mbconv('verify', 'set')).stdout,
    /^changed: set\/a\/1\.jpg: is not as in the manifest \(.*\n[\s\S]*\n4 images: 1 missing, 2 changed, 1 new, 1 broken\n$/,
  )

  fs.appendFileSync('set/manifest.jsonl', 'nonsense\n')
  t.match(await json('verify', 'set'), {
    status: 4,
    last: { error: { code: 'ERR_DATA', message: 'set/manifest.jsonl: line 5 is not JSON' } },
  })
})

t.test(
  'names that are not UTF-8',
  { skip: process.platform !== 'linux' && 'only Linux has names that are not text' },
  async (t) => {
    put('odd/a/1.jpg', jpegs[0])
    fs.writeFileSync(Buffer.from('odd/a/\xe9.jpg', 'latin1'), jpegs[1])
    t.equal((await mbconv('index', 'odd')).status, 0)
    t.match(await mbconv('verify', 'odd'), { status: 0, stdout: '2 images: all whole\n' })
    fs.unlinkSync(Buffer.from('odd/a/\xe9.jpg', 'latin1'))
    t.match((await mbconv('verify', 'odd')).stdout, 'missing: a/\\xE9.jpg: is in the manifest but not there\n')
  },
)

t.test('lists and archives', async (t) => {
  put('list/1.jpg', jpegs[0])
  put('list/2.jpg', jpegs[1])
  put('list/all.csv', 'path,label,split\n1.jpg,cat,train\n2.jpg,dog|cat,test\nmissing.jpg,dog,test\n')
  const { status, last } = await json('inspect', 'list/all.csv')
  t.equal(status, 4)
  t.match(last, {
    images: 3,
    parts: ['train', 'test'],
    classes: [
      { name: 'cat', counts: { train: 1, test: 1 } },
      { name: 'dog', counts: { test: 2 } },
    ],
    labelsPerImage: { 1: 2, 2: 1 },
  })
  t.match(last.broken, [{ name: path.join(root, 'list/missing.jpg'), problem: /no such file/ }])
  const shard = (i) =>
    tarOf([
      [`${i}.jpg`, jpegs[i]],
      [`${i}.cls`, '7'],
      [`x${i}.jpg`, jpegs[2].subarray(0, 200)],
      [`x${i}.cls`, '7'],
    ])
  for (const i of [0, 1]) put(`shards/t-${i}.tar`, shard(i))
  const found = await json('verify', 'shards/t-{0..1}.tar')
  t.equal(found.status, 4)
  t.match(found.last, { images: 4, manifest: false, findings: { broken: 2 } })
  const indexed = await json('index', 'shards/t-{0..1}.tar')
  t.match(indexed, { status: 0, lines: [0, 1].map((i) => ({ index: `shards/t-${i}.tar.index.json`, members: 4 })) })
  t.same((await json('verify', 'shards/t-{0..1}.tar')).lines, found.lines)
  t.match(found.lines[0], {
    type: 'broken',
    name: 'shards/t-0.tar:x0.jpg',
    problem: /^shards\/t-0\.tar:x0\.jpg: cannot be read as an image/,
  })
})

t.test('the number of images so far, every ten seconds', async (t) => {
  let time = 0
  const notes = []
  const output = { note: (text) => notes.push(text), paintNote: (_, text) => text }
  const count = internal('inspectionView').countingNotes(output, () => time)
  for (let i = 1; i <= 50_000; i++) {
    time += 0.5
    count(i)
  }
  t.same(notes, ['20,000 images so far', '40,000 images so far'])
})

t.test('cache: what it writes, says and refuses', async (t) => {
  for (const [i, name] of ['cat', 'dog'].entries())
    for (const k of [0, 1]) put(`to-cache/${name}/${k}.jpg`, jpegs[2 * i + k])
  put('to-cache/dog/broken.jpg', jpegs[0].subarray(0, 100))
  const { status, stdout, stderr } = await mbconv(
    'cache',
    'to-cache',
    '--to',
    'cached',
    '--size',
    '8',
    '--fit',
    'squash',
  )
  t.equal(status, 0, stderr)
  t.match(stdout, /^cached: 4 train, 2 classes, 768 B.*, 1 unreadable image left out\n$/)
  t.match(stderr, /warning: left out: to-cache\/dog\/broken\.jpg/)
  const index = JSON.parse(fs.readFileSync('cached/cache.json', 'utf8'))
  t.match(index, { preprocessing: { size: 8, fit: 'squash', interpolation: 'bicubic', colorManagement: false } })
  t.match(await json('verify', 'cached'), { status: 0, last: { images: 4, manifest: true } })
  t.match(await json('cache', 'to-cache', '--to', 'parts', '--validation', 'to-cache', '--test', 'to-cache'), {
    status: 0,
    last: { images: { train: 4, validation: 4, test: 4 }, leftOut: 1 },
  })
  const refused = async (words, status, code) =>
    t.match(await json('cache', ...words), { status, last: { error: { code } } }, words.join(' '))
  await refused(['to-cache'], 2, 'ERR_USAGE')
  await refused(['to-cache', '--to', 'cached'], 1, 'ERR_IO')
  await refused(['to-cache', '--to', 'new', '--max-unreadable', '0'], 4, 'ERR_DATA')
  await refused(['none', '--to', 'new'], 4, 'ERR_DATA')
  await refused(['inspect'], 2, 'ERR_USAGE')
  t.notOk(fs.existsSync('new'))
})

t.test('paths that cannot be used', async (t) => {
  for (const words of [
    ['inspect', 'none'],
    ['verify', 'none'],
    ['index', 'none'],
    ['index', 'list/1.jpg'],
    ['inspect', 'list/1.jpg'],
    ['verify', 'none.tar'],
  ])
    t.match(await json(...words), { status: 4, last: { error: { code: 'ERR_DATA', hint: /\w/ } } }, words.join(' '))
  fs.mkdirSync('empty')
  t.match(await json('index', 'empty'), { status: 4, last: { error: { message: 'empty: has no images' } } })
  t.notOk(fs.existsSync('empty/manifest.jsonl'))
  t.equal((await json('inspect', 'empty')).status, 4)
  t.equal((await mbconv('inspect')).status, 2)
  if (process.platform !== 'linux') return
  spawnSync('mkfifo', ['pipe.csv', 'shards/manifest.jsonl', 'list/manifest.jsonl'])
  t.match(await json('inspect', 'pipe.csv'), {
    status: 4,
    last: { error: { code: 'ERR_DATA', message: /not a regular file/ } },
  })
  t.match(await json('index', 'list'), {
    status: 1,
    last: { error: { code: 'ERR_IO', message: /not a regular file/ } },
  })
  t.match(await json('verify', 'list'), { status: 0, last: { manifest: false, images: 2 } })
  spawnSync('mkfifo', ['pipe.tar', 'empty/pipe.jpg'])
  for (const words of [
    ['inspect', 'pipe.tar'],
    ['verify', 'empty'],
    ['inspect', '/dev/zero'],
  ])
    t.equal((await json(...words)).status, 4, words.join(' '))
})
