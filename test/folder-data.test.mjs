/* Folders of images as data sets: classes, parts, held-out images, and everything that may lie in a folder besides images. */
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import * as mb from 'mbconv'
import t from 'tap'
import { internal } from './helpers/internals.mjs'

const { datasetOf } = mb.data
const { sameData } = internal('fingerprint')
const { indexFolder } = internal('indexFolder')
const GOLDEN = JSON.parse(fs.readFileSync('test/golden/data-sources.json', 'utf8'))
const linux = process.platform !== 'linux' && 'names of any bytes, pipes and devices are for Linux'

/** The first bytes of a PNG file. */
const PNG = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1')

const root = fs.realpathSync(t.testdir())
let made = 0
/** Makes a folder with files: names, or names and contents. */
function folderWith(files) {
  const folder = path.join(root, `folder-${made++}`)
  fs.mkdirSync(folder)
  for (const [name, content] of Array.isArray(files) ? files.map((name) => [name, name]) : Object.entries(files)) {
    fs.mkdirSync(path.join(folder, path.dirname(name)), { recursive: true })
    fs.writeFileSync(path.join(folder, name), content)
  }
  return folder
}
const open = (folder, options = {}) => datasetOf({ dataset: 'folder', folder: { path: folder, ...options } })
const namesOf = (folder, part) =>
  Array.from({ length: part.length }, (_, i) => path.relative(folder, part.read(i).name))
const refused = (t, work, expected) => t.throws(work, { name: 'MbconvError', ...expected })

t.test('classes and images are those of torchvision, in its order', async (t) => {
  const { files, classes, samples } = GOLDEN.folder
  const folder = folderWith(files)
  const { train, test } = open(folder, { validation: folder })
  t.same(train.classes, classes)
  t.same(
    namesOf(folder, train).map((name, i) => [name, train.labels[i]]),
    samples,
  )
  t.same(namesOf(folder, test), namesOf(folder, train))
  t.equal(train.shape, null)
  t.same(train.read(0), { name: path.join(folder, samples[0][0]), file: path.join(folder, samples[0][0]) })
})

t.test('parts: train, and val or test beside it', async (t) => {
  const files = ['train/a/1.jpg', 'train/b/2.jpg', 'VALID/a/3.jpg', 'VALID/b/4.jpg', 'README.md']
  const two = folderWith(files)
  const parts = open(two)
  t.same(namesOf(two, parts.train), ['train/a/1.jpg', 'train/b/2.jpg'])
  t.same(namesOf(two, parts.test), ['VALID/a/3.jpg', 'VALID/b/4.jpg'])
  t.equal(parts.validation, undefined)
  const three = folderWith([...files, 'test/a/5.jpg', 'test/b/6.jpg', 'extra/c/7.jpg'])
  const all = open(three)
  t.same(namesOf(three, all.validation), ['VALID/a/3.jpg', 'VALID/b/4.jpg'])
  t.same(namesOf(three, all.test), ['test/a/5.jpg', 'test/b/6.jpg'])
  t.match(all.notes, [/what lies beside train is left out: extra/])
  const apart = folderWith(['a/8.jpg', 'b/9.jpg'])
  t.same(namesOf(apart, open(folderWith(['a/1.jpg', 'b/2.jpg']), { test: apart }).test), ['a/8.jpg', 'b/9.jpg'])
  // Trains and tests may be classes, too.
  const vehicles = folderWith({ 'train/1.jpg': 'x', 'car/2.jpg': 'y', 'plane/3.jpg': 'z' })
  t.same(open(vehicles, { validation: vehicles }).train.classes, ['car', 'plane', 'train'])
  refused(t, () => open(folderWith(['train/a/1.jpg', 'val/a/2.jpg', 'valid/a/2.jpg'])), {
    code: 'ERR_DATA',
    message: /two folders for the validation part: val and valid$/,
  })
  refused(t, () => open(folderWith(['val/a/2.jpg', 'test/a/2.jpg'])), {
    code: 'ERR_DATA',
    message: /none called train/,
  })
  refused(t, () => open(two, { validation: apart }), {
    code: 'ERR_CONFIG',
    message: /^data\.folder\.validation: .*VALID$/,
  })
})

t.test('a part with other classes is refused, and they are named', async (t) => {
  const lacking = folderWith(['train/a/1.jpg', 'train/b/2.jpg', 'val/a/3.jpg'])
  refused(t, () => open(lacking), { code: 'ERR_DATA', message: `${lacking}/val: has no image of class b` })
  const more = folderWith(['train/a/1.jpg', 'val/a/2.jpg', 'val/b/3.jpg', 'val/c/4.jpg'])
  refused(t, () => open(more), {
    code: 'ERR_DATA',
    message: `${more}/val: has images of classes b, c, which the training images lack`,
  })
})

t.test('folders that hold no data set', async (t) => {
  refused(t, () => open(path.join(root, 'nowhere')), { code: 'ERR_DATA', message: /is not a folder/, hint: /\w/ })
  refused(t, () => open(folderWith(['1.jpg'])), { code: 'ERR_DATA', message: /has no class folders with images/ })
  refused(t, () => open(folderWith(['a/1.txt'])), { code: 'ERR_DATA', message: /has no class folders with images/ })
  refused(t, () => datasetOf({ dataset: 'folder' }), { code: 'ERR_CONFIG', message: /^data\.folder\.path: / })
  refused(t, () => open(root, { pth: 1 }), { code: 'ERR_CONFIG', message: /^data\.folder: unrecognized key: "pth"/i })
})

t.test('what is left out is counted and named', async (t) => {
  const folder = folderWith({
    'a/1.jpg': '1',
    'a/.hidden.jpg': '2',
    '.git/a/3.jpg': '3',
    'a/notes.txt': '4',
    'loose.png': '5',
    'a/plain': PNG,
    'a/text': 'no image',
    'a/image.backup': PNG,
    'b/2.JPeG': '6',
  })
  fs.mkdirSync(path.join(folder, 'empty/deep'), { recursive: true })
  const { train, notes } = open(folder, { validation: folder })
  t.same(train.classes, ['a', 'b'])
  t.same(namesOf(folder, train), ['a/1.jpg', 'a/plain', 'b/2.JPeG'])
  t.same(notes.slice(0, 3), [
    `${folder}: 1 image that is in no class folder is left out: loose.png`,
    `${folder}: 3 files that are no images are left out: a/image.backup, a/notes.txt, a/text`,
    `${folder}: 1 class folder has no image and is left out: empty`,
  ])
})

t.test(
  'links: followed inside the folder, left out where they lead out of it, and circles end',
  { skip: linux },
  async (t) => {
    const outside = folderWith(['1.jpg'])
    const folder = folderWith([
      'train/a/1.jpg',
      'train/b/deep/2.jpg',
      'val/a/1.jpg',
      'val/b/1.jpg',
      'all/c/3.jpg',
      'all/c/4.jpg',
    ])
    const link = (to, name) => fs.symlinkSync(to, path.join(folder, name))
    link('../all/c', 'train/c')
    link('../all/c', 'val/c')
    link(outside, 'train/d')
    link(path.join(outside, '1.jpg'), 'train/a/out.jpg')
    link('1.jpg', 'train/a/same.jpg')
    link('/nowhere.jpg', 'train/a/broken.jpg')
    link('loop.jpg', 'train/a/loop.jpg')
    link('../..', 'train/b/deep/up')
    link('/dev/zero', 'train/b/zero.jpg')
    execFileSync('mkfifo', [path.join(folder, 'train/b/pipe.jpg')])
    const { train, test, notes } = open(folder)
    t.same(train.classes, ['a', 'b', 'c'])
    const names = namesOf(folder, train)
    t.same(names.slice(0, 3), ['train/a/1.jpg', 'train/a/same.jpg', 'train/b/deep/2.jpg'])
    t.same(names.slice(-2), ['train/c/3.jpg', 'train/c/4.jpg'])
    t.equal(new Set(names).size, names.length)
    t.same(namesOf(folder, test).slice(-2), ['val/c/3.jpg', 'val/c/4.jpg'])
    const text = notes.join('\n')
    t.match(text, /3 links that lead out of the folder are left out: d, a\/out\.jpg, b\/zero\.jpg/)
    t.match(text, /2 links that lead nowhere are left out: a\/broken\.jpg, a\/loop\.jpg/)
    t.match(text, /1 link to a folder that it lies in is left out: b\/deep\/up/)
    t.match(text, /1 pipe, socket or device is left out: b\/pipe\.jpg/)
    // Each folder links to two others: without a memory the paths would double with every one of forty.
    const lattice = folderWith(['a/0/1.jpg', 'b/1.jpg'])
    for (let i = 0; i < 40; i++) {
      fs.mkdirSync(path.join(lattice, `a/${i}`), { recursive: true })
      for (const side of ['left', 'right']) fs.symlinkSync(`../${i + 1}`, path.join(lattice, `a/${i}/${side}`))
    }
    t.same(open(lattice, { validation: lattice }).train.length, 2)
  },
)

t.test('names of any bytes', { skip: linux }, async (t) => {
  const folder = folderWith(['a/1.jpg'])
  const strange = Buffer.concat([Buffer.from(`${folder}/caf`), Buffer.from([0xe9])])
  fs.mkdirSync(strange)
  const file = Buffer.concat([strange, Buffer.from('/\xff\n\x1b.jpg', 'latin1')])
  fs.writeFileSync(file, 'x')
  const { train } = open(folder, { validation: folder })
  t.same(train.classes, ['a', 'caf\\xE9'])
  const image = train.read(1)
  t.same(image.file, file)
  t.equal(image.name, `${folder}/caf\\xE9/\\xFF\n\x1b.jpg`)
  // Two spellings of one name are one class, also in different parts.
  const [composed, decomposed] = ['é', 'e\u0301']
  const spelt = folderWith([
    `train/${composed}/1.jpg`,
    `train/${decomposed}/2.jpg`,
    'train/f/3.jpg',
    `val/${decomposed}/4.jpg`,
    'val/f/5.jpg',
  ])
  const parts = open(spelt)
  t.same(parts.train.classes, ['f', composed])
  t.same([...parts.train.labels], [0, 1, 1])
  t.match(parts.notes.join(), /the class é has several folders/)
})

/** A folder with 400 images of different sizes and contents in two classes. */
const many = () =>
  Object.fromEntries(
    Array.from({ length: 400 }, (_, i) => [`${i % 2 ? 'a' : 'b'}/${i}.jpg`, `${i}`.repeat(1 + (i % 50))]),
  )

t.test('held-out images: a share, chosen by content', async (t) => {
  const files = many()
  const folder = folderWith(files)
  const { train, test, validation } = open(folder, { split: 0.25 })
  t.equal(train.length + test.length, 400)
  t.ok(test.length > 70 && test.length < 130, `${test.length} of 400`)
  t.equal(validation, undefined)
  const held = new Set(namesOf(folder, test))
  t.notOk(namesOf(folder, train).some((name) => held.has(name)))
  t.same(test.classes, train.classes)
  // By default a fifth; a larger share holds more images out and lets none back.
  const fifth = new Set(namesOf(folder, open(folder).test))
  t.ok(fifth.size > 50 && fifth.size < 110, `${fifth.size} of 400`)
  t.ok([...fifth].every((name) => held.has(name)))

  t.test('more files, other names and copies move no image', async (t) => {
    const more = { ...files, 'b/new.jpg': 'new', 'c/other.jpg': 'other' }
    for (const [name, content] of Object.entries(files)) more[`c/copy-of-${path.basename(name)}`] = content
    const copied = folderWith(more)
    const side = (part) => new Set(namesOf(copied, part))
    const parts = open(copied, { split: 0.25 })
    const [learned, tested] = [side(parts.train), side(parts.test)]
    const moved = Object.keys(files).filter((name) => {
      const wanted = held.has(name) ? tested : learned
      return !wanted.has(name) || !wanted.has(`c/copy-of-${path.basename(name)}`)
    })
    t.same(moved, [])
  })

  t.test('folds: each image is held out once', async (t) => {
    const folds = [0, 1, 2, 3].map((fold) => namesOf(folder, open(folder, { folds: 4, fold }).test))
    t.same(folds.flat().sort(), Object.keys(files).sort())
    t.ok(folds.every((fold) => fold.length > 60))
  })

  t.test('groups stay together', async (t) => {
    const subjects = Object.fromEntries(
      Array.from({ length: 300 }, (_, i) => [`${i % 2 ? 'a' : 'b'}/subject${i % 60}-${i}.jpg`, String(i)]),
    )
    const grouped = folderWith(subjects)
    const parts = open(grouped, { split: 0.3, group: '(subject\\d+)-' })
    const subject = (name) => /subject\d+/.exec(name)[0]
    const [learned, tested] = [parts.train, parts.test].map((part) => new Set(namesOf(grouped, part).map(subject)))
    t.ok(tested.size > 5 && learned.size > 5)
    t.notOk([...tested].some((name) => learned.has(name)))
    refused(t, () => open(grouped, { group: '(subject1\\d)-' }), {
      code: 'ERR_DATA',
      message: /matches the path of each image but /,
    })
    refused(t, () => open(grouped, { group: '(' }), {
      code: 'ERR_CONFIG',
      message: /^data\.folder\.group: is no regular/,
    })
  })

  t.test('keys that contradict each other', async (t) => {
    const config = (options, message) => refused(t, () => open(folder, options), { code: 'ERR_CONFIG', message })
    config({ split: 0.2, folds: 3 }, /^data\.folder\.folds: cannot be given beside split/)
    config({ fold: 1 }, /^data\.folder\.fold: has no effect without folds/)
    config({ folds: 3, fold: 3 }, /^data\.folder\.fold: must be below folds, 3, not 3/)
    config({ split: 1 }, /^data\.folder\.split: /)
    config({ validation: folder, split: 0.2 }, /^data\.folder\.split: has no effect: .* is for evaluation/)
    config({ test: folder, group: 'a' }, /^data\.folder\.group: has no effect: .* is for evaluation/)
    const one = folderWith(['a/1.jpg'])
    refused(t, () => open(one), { code: 'ERR_DATA', message: /of 1 images none is left for/ })
    const { train, test, validation } = open(folder, { test: folder, split: 0.25 })
    t.same([train.length + validation.length, test.length], [400, 400])
  })
})

t.test('fingerprints: names, sizes and labels; checksums where a manifest has them', async (t) => {
  const files = { 'a/1.jpg': 'one', 'a/2.jpg': 'two', 'b/3.jpg': 'three' }
  const print = (folder) => open(folder, { validation: folder }).train.fingerprint()
  const folder = folderWith(files)
  const before = print(folder)
  t.match(before, /^[0-9a-f]{64}$/)
  t.equal(print(folderWith(files)), before, 'wherever it lies')
  const others = [
    { ...files, 'a/1.jpg': 'long' },
    { 'a/1.jpg': 'one', 'a/4.jpg': 'two', 'b/3.jpg': 'three' },
    { 'a/1.jpg': 'one', 'b/2.jpg': 'two', 'b/3.jpg': 'three' },
    { 'a/1.jpg': 'one', 'a/2.jpg': 'two', 'c/3.jpg': 'three' },
  ]
  for (const other of others) t.not(print(folderWith(other)), before)
  indexFolder(folder)
  const indexed = print(folder)
  t.match(indexed, new RegExp(`^${before}:[0-9a-f]{64}$`))
  fs.writeFileSync(path.join(folder, 'a/1.jpg'), 'eno')
  indexFolder(folder)
  const changed = print(folder)
  t.notOk(sameData(indexed, changed), 'other bytes of the same size')
  t.ok(sameData(before, changed) && sameData(indexed, before), 'a manifest that one of them lacks makes no difference')
  fs.writeFileSync(path.join(folder, 'a/1.jpg'), 'longer')
  t.notMatch(print(folder), /:/, 'a manifest that does not fit is not used')
})

t.test('a configuration: paths begin at its folder, and belong to this data set only', async (t) => {
  const model = { name: 'efficientnet_b0' }
  const parse = (data) => mb.parseConfig({ model, data, epochs: 1 }).data
  const { folder } = parse({ dataset: 'folder', folder: { path: 'photos', test: '../tests' } })
  t.match(folder, { path: path.resolve('photos'), test: path.resolve('../tests'), validation: null, split: null })
  const config = (data, message) => t.throws(() => parse(data), { code: 'ERR_CONFIG', message })
  config({ dataset: 'folder' }, /^data\.folder\.path: is required with dataset: folder/)
  config({ folder: { path: 'photos' } }, /^data\.folder: has no effect with dataset: digits/)
  config({ dataset: 'folder', folder: { pat: 'photos' } }, /^data\.folder\.pat: unknown key/)
  fs.writeFileSync(
    path.join(root, 'run.yaml'),
    'model: {name: efficientnet_b0}\ndata: {dataset: folder, folder: {path: photos}}\nepochs: 1\n',
  )
  t.equal(mb.parseConfigFile(path.join(root, 'run.yaml')).config.data.folder.path, path.join(root, 'photos'))
})
