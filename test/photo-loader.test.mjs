// The training loader of image files: what is in a batch, and that nothing but (seed, epoch, sample) decides about it.
import { execFile } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Worker } from 'node:worker_threads'
import { fromTypedArray, memory, scope } from 'mbconv'
import t from 'tap'
import { internal, internalPath } from './helpers/internals.mjs'
import { settledMemory } from './helpers/live.mjs'
import {
  batchesOf,
  bytesOf,
  datasetOf,
  digestsOf,
  filesIn,
  imagesOf,
  listUnreadable,
  partsOf,
  sha256,
} from './helpers/photos.mjs'

const { PhotoLoader } = internal('photoLoader')
const { decodeJpeg, resizePixels } = internal('photoPixels')
const { OPERATIONS } = internal('augmentProgram')

const golden = JSON.parse(readFileSync(new URL('golden/photos.json', import.meta.url), 'utf8'))
const files = golden.batch.files.map(bytesOf)
const large = golden.large.map(bytesOf)

const loaderOf = (images, options = {}) => {
  const { unreadable, warnings } = listUnreadable(options.most)
  const { most, ...rest } = options
  const loader = new PhotoLoader(datasetOf(images), { batchSize: 4, size: 32, threads: 2, unreadable, ...rest })
  return { loader, warnings }
}

/** The images of an epoch, [size, size, 3] each. */
async function epochOf(images, { epoch = 0, ...options }) {
  const { loader } = loaderOf(images, options)
  const batches = await batchesOf(loader, epoch)
  loader.dispose()
  return imagesOf(batches, options.size ?? 32)
}

t.test(
  `crop, resizing and mirroring as in ${golden.source}, to the bit, whether files or parts of a file`,
  async (t) => {
    const { seed, size } = golden.batch
    const folder = t.testdir()
    for (const images of [filesIn(folder, files), partsOf(join(folder, 'shard'), files)]) {
      const { loader, warnings } = loaderOf(images, { size, seed, interpolation: 'random' })
      for (let epoch = 0; epoch < golden.batch.files[0].sha256.length; epoch++) {
        const made = imagesOf(await batchesOf(loader, epoch), size)
        for (const [i, file] of golden.batch.files.entries())
          t.equal(sha256(made[i]), file.sha256[epoch], `${file.name}, epoch ${epoch}`)
      }
      t.same(warnings, [])
      loader.dispose()
    }
  },
)

/** Mean and greatest difference. */
function difference(a, b) {
  let [sum, most] = [0, 0]
  for (let i = 0; i < a.length; i++) {
    const d = Math.abs(a[i] - b[i])
    sum += d
    if (d > most) most = d
  }
  return { mean: sum / a.length, most }
}

/** What Pillow would make of a decoded file: the part is cut out, resized and mirrored. */
async function byPillow(bytes, loader, epoch, index) {
  const image = await decodeJpeg(bytes)
  const [height, width] = image.shape
  const { left, top, width: w, height: h, interpolation, flipped } = loader.crop(epoch, index, { height, width })
  const pixels = scope(() => {
    const part = image.narrow(0, top, h).narrow(1, left, w)
    const resized = resizePixels(part, loader.size, { interpolation })
    return (flipped ? resized.flip([1]) : resized).contiguous().toTypedArray()
  })
  image.dispose()
  const shrunk = Math.min(w, h) >= 2 * loader.size[0]
  return { pixels, shrunk }
}

t.test(
  'only the part that is shown is decoded: the same pixels; and smaller where it can be: nearly the same',
  async (t) => {
    const images = filesIn(t.testdir(), large)
    for (const size of [128, 32, 14]) {
      const { loader } = loaderOf(images, { size, seed: 3, interpolation: 'random' })
      let [shrunk, worst] = [0, 0]
      for (let epoch = 0; epoch < 6; epoch++) {
        const made = imagesOf(await batchesOf(loader, epoch), size)
        for (const [i, bytes] of large.entries()) {
          const wanted = await byPillow(bytes, loader, epoch, i)
          const { mean, most } = difference(made[i], wanted.pixels)
          const name = `${golden.large[i].name}, ${size} px, epoch ${epoch}`
          if (wanted.shrunk) {
            shrunk++
            worst = Math.max(worst, mean)
          } else t.equal(most, 0, name)
        }
      }
      if (size === 128) t.equal(shrunk, 0, 'none is large enough')
      else t.ok(shrunk > 8, `${shrunk} are decoded at a smaller size`)
      t.ok(worst <= 2, `${size} px: a mean difference of ${worst.toFixed(2)} levels at most`)
      loader.dispose()
    }
  },
)

t.test('the same images for every number of threads, of batches ahead, and from any batch on', async (t) => {
  const images = filesIn(t.testdir(), [...files, ...large])
  const options = { seed: 11, shuffle: true, batchSize: 3 }
  const { loader: first } = loaderOf(images, { ...options, threads: 1 })
  const digests = async (loader, ...args) => digestsOf(await batchesOf(loader, ...args))
  const wanted = await digests(first, 4)
  t.equal(wanted.length, Math.ceil(images.length / 3))
  t.same(
    wanted.flatMap(({ indices }) => indices),
    [...first.order(4)],
  )
  for (const { labels, indices } of wanted) t.same(labels, indices, 'label and image go together')
  t.notSame(await digests(first, 5), wanted, 'another epoch')
  t.same(await digests(first, 4, 2), wanted.slice(2), 'from batch 2 on')
  first.dispose()
  for (const threads of [0, 2, 4]) {
    const { loader } = loaderOf(images, { ...options, threads, ahead: threads + 1 })
    t.same(await digests(loader, 4), wanted, `${threads} threads`)
    loader.dispose()
  }
  const { loader: other } = loaderOf(images, { ...options, seed: 12 })
  t.notSame(await digests(other, 4), wanted, 'another seed')
  other.dispose()
})

t.test('dropLast, and a data set smaller than a batch', async (t) => {
  const images = filesIn(t.testdir(), files.slice(0, 5))
  const { loader } = loaderOf(images, { batchSize: 2, dropLast: true })
  t.equal((await batchesOf(loader, 0)).length, 2)
  loader.dispose()
  const { loader: small } = loaderOf(images, { batchSize: 64 })
  const [{ indices }] = await batchesOf(small, 0)
  t.same(indices, [0, 1, 2, 3, 4])
  small.dispose()
})

t.test('a program of augmentation is applied to the image that it was drawn for', async (t) => {
  const images = filesIn(t.testdir(), files)
  const plain = await epochOf(images, { seed: 6, epoch: 2 })
  const drawn = []
  const invert = Float64Array.of(OPERATIONS.findIndex(([name]) => name === 'invert') + 1)
  const augment = (sample) => {
    drawn.push(sample)
    return sample.sample % 3 === 0 ? new Float64Array(0) : invert
  }
  const made = await epochOf(images, { seed: 6, epoch: 2, augment })
  for (const [i, image] of made.entries()) {
    const wanted = i % 3 === 0 ? plain[i] : plain[i].map((value) => 255 - value)
    t.equal(sha256(image), sha256(wanted), `image ${i}`)
  }
  t.same(
    drawn,
    files.map((_, sample) => ({ seed: 6, epoch: 2, sample, height: 32, width: 32 })),
  )
  const { loader } = loaderOf(images, { augment: () => Float64Array.of(1e6) })
  await t.rejects(batchesOf(loader, 0), { code: 'ERR_VALUE' }, 'an unknown operation')
  loader.dispose()
})

t.test('an image that an epoch draws several times is varied in several ways', async (t) => {
  const [one] = filesIn(t.testdir(), files)
  const dataset = {
    ...datasetOf(Array(8).fill(one)),
    classes: ['often', 'rarely'],
    labels: Int32Array.of(0, 0, 0, 0, 0, 0, 0, 1),
  }
  const options = { batchSize: 8, size: 32, shuffle: true, sampler: 'balanced', threads: 1 }
  const loader = new PhotoLoader(dataset, { ...options, unreadable: listUnreadable().unreadable })
  const batches = await batchesOf(loader, 0)
  loader.dispose()
  const [{ indices }] = batches
  t.equal(indices.filter((index) => index === 7).length, 4)
  t.equal(new Set(imagesOf(batches, 32).map(sha256)).size, 8)
})

t.test('repeated augmentation: an image comes so often in a row, each time varied, also after a resume', async (t) => {
  const images = filesIn(t.testdir(), files)
  const options = { batchSize: 4, size: 32, shuffle: true, repeats: 3, seed: 3 }
  const { loader } = loaderOf(images, { ...options, threads: 2 })
  const { loader: plain } = loaderOf(images, { ...options, repeats: 1, threads: 0 })
  t.same(
    [...loader.order(1)],
    [...plain.order(1)].map((_, i, order) => order[Math.floor(i / 3)]),
  )
  const all = digestsOf(await batchesOf(loader, 1))
  t.equal(all.length, plain.batchesPerEpoch)
  t.same(digestsOf(await batchesOf(loader, 1, 1)), all.slice(1))
  const [first] = await batchesOf(loader, 1)
  t.equal(new Set(imagesOf([first], 32).slice(0, 3).map(sha256)).size, 3)
  const [before] = await batchesOf(plain, 1)
  t.equal(sha256(imagesOf([first], 32)[0]), sha256(imagesOf([before], 32)[0]), 'the first time as without repeats')
  loader.dispose()
  plain.dispose()
  const refused = (more, message) =>
    t.throws(() => loaderOf(images, { ...options, ...more }), { code: 'ERR_VALUE', message })
  refused({ sampler: 'balanced' }, /cannot be combined with the sampler balanced/)
  refused({ shuffle: false }, /needs shuffle: true/)
  refused({ fit: 'stretch', flip: 0 }, /needs augmentation/)
  refused({ fit: 'pad', fill: [0, 0, 0], flip: 0 }, /needs augmentation/)
  refused({ repeats: 0 }, /repeats must be a whole number from 1 to 100/)
})

t.test('images that cannot be read', async (t) => {
  const folder = t.testdir()
  const good = filesIn(folder, files)
  const bad = join(folder, 'bad')
  writeFileSync(bad, files[0].subarray(0, files[0].length - 300))
  const place = { missing: { name: 'gone.jpg', file: join(folder, 'gone.jpg') }, bad: { name: 'bad.jpg', file: bad } }
  place.folder = { name: 'folder.jpg', file: folder }
  place.device = { name: 'zero.jpg', file: '/dev/zero' }
  place.beyond = { name: 'beyond.jpg', file: good[0].file, part: { offset: 10, length: 1e9 } }

  t.test('the next one in the order takes the place, with its label', async (t) => {
    const images = [good[0], place.missing, good[1], place.bad, place.folder, good[2], place.device, place.beyond]
    const wanted = [0, 2, 2, 5, 5, 5, 0, 0]
    const runs = []
    for (const threads of [1, 3]) {
      const { loader, warnings } = loaderOf(images, { threads, seed: 4, batchSize: 3 })
      const batches = await batchesOf(loader, 0)
      t.same(
        batches.flatMap(({ labels }) => labels),
        wanted,
      )
      t.same(
        batches.flatMap(({ indices }) => indices),
        wanted,
      )
      const names = ['gone.jpg', 'bad.jpg', 'folder.jpg', 'zero.jpg', 'beyond.jpg']
      t.same(
        warnings.map((text) => text.match(/[a-z]+\.jpg/)[0]),
        names,
        'each is named once',
      )
      t.match(warnings[0], /no such file/)
      t.match(warnings[1], /is truncated/)
      t.match(warnings[2], /it is a folder/)
      t.match(warnings[3], /it is not a regular file/)
      t.match(warnings[4], /the file ends before/)
      const [, one, two] = imagesOf(batches, 32)
      t.not(sha256(one), sha256(two), 'it is varied as the one that it replaces')
      runs.push(digestsOf(batches))
      loader.dispose()
    }
    t.same(runs[0], runs[1], 'whatever the number of threads')
  })

  t.test('more than allowed are an error, and the batches before it come first', async (t) => {
    const images = [good[0], good[1], place.missing, good[2], place.bad, good[3]]
    const { loader } = loaderOf(images, { batchSize: 2, most: 1, ahead: 3 })
    let batches = 0
    const reading = async () => {
      for await (const _ of loader.epoch(0)) batches++
    }
    await t.rejects(reading(), { code: 'ERR_DATA', message: /2 images cannot be read, .* is 1; the last one: bad.jpg/ })
    t.equal(batches, 2)
    loader.dispose()
  })

  t.test('none can be read', async (t) => {
    const { loader } = loaderOf([place.missing, place.bad], {})
    await t.rejects(batchesOf(loader, 0), { code: 'ERR_DATA', message: /none of 2 images can be read/ })
    loader.dispose()
  })
})

t.test('nothing is left behind when an epoch is given up, or the loader is', async (t) => {
  const images = Array.from({ length: 40 }, () => filesIn(t.testdir(), large)).flat()
  const { tensors: before } = await settledMemory()
  const { loader } = loaderOf(images, { ahead: 4 })
  for await (const _ of loader.epoch(0)) break
  t.equal(memory().tensors, before, 'after break')
  await t.rejects(
    (async () => {
      for await (const _ of loader.epoch(0)) throw new RangeError('of the consumer')
    })(),
    { name: 'RangeError' },
  )
  t.equal(memory().tensors, before, 'after an error of the consumer')
  const epoch = loader.epoch(1)
  await epoch.next()
  loader.dispose()
  const rest = async () => {
    for await (const _ of epoch);
  }
  await t.rejects(rest(), { code: /^ERR_(ABORTED|DISPOSED)$/ })
  t.equal(memory().tensors, before, 'after dispose()')
  t.throws(() => loader.epoch(0), { code: 'ERR_DISPOSED' })
  t.throws(() => loaderOf(images).loader.epoch(-1), { code: 'ERR_VALUE' })
  t.throws(() => loaderOf(images).loader.epoch(0, 51), { code: 'ERR_VALUE' })
  loader.dispose()
})

t.test('a batch is written again once the next is asked for, and not before', async (t) => {
  const images = filesIn(t.testdir(), [...files, ...large])
  const wanted = await epochOf(images, { batchSize: 1, ahead: 1 })
  const { loader } = loaderOf(images, { batchSize: 1, ahead: 1 })
  let i = 0
  for await (const { images: batch } of loader.epoch(0)) {
    await new Promise((done) => setTimeout(done, 5)) // the next batch is made meanwhile
    const bytes = scope(() => batch.permute([0, 2, 3, 1]).contiguous().toTypedArray())
    t.equal(sha256(bytes), sha256(wanted[i++]))
  }
  loader.dispose()
})

/** A script that begins an epoch. It ends in the middle of one. */
const script = (folder, end) => `
  const { PhotoLoader } = require(${JSON.stringify(internalPath('photoLoader'))})
  const { UnreadableImages } = require(${JSON.stringify(internalPath('unreadableImages'))})
  const images = Array.from({ length: 400 }, (_, i) => ({ name: 'x', file: ${JSON.stringify(folder)} + '/' + (i % ${large.length}) }))
  const dataset = { name: 'x', classes: ['x'], length: 400, labels: new Int32Array(400), shape: null, read: (i) => images[i] }
  const unreadable = new UnreadableImages({ name: 'x', length: 0 }, 0, () => {})
  const loader = new PhotoLoader(dataset, { batchSize: 200, size: 224, threads: 3, unreadable })
  loader.epoch(0).next()
  setTimeout(() => { ${end} }, 10)`

t.test('process.exit in the middle of a batch', async (t) => {
  const folder = t.testdir()
  filesIn(folder, large)
  const error = await promisify(execFile)(process.execPath, ['-e', script(folder, 'process.exit(7)')]).catch((e) => e)
  t.equal(error.code, 7, error.stderr)
  t.equal(error.stderr, '')
})

t.test('a worker that is terminated, and one that ends, in the middle of a batch', async (t) => {
  const folder = t.testdir()
  filesIn(folder, large)
  const terminated = new Worker(script(folder, 'require("node:worker_threads").parentPort.postMessage(1)'), {
    eval: true,
  })
  await new Promise((message) => terminated.once('message', message))
  t.equal(await terminated.terminate(), 1)
  const ending = new Worker(script(folder, 'process.exit(3)'), { eval: true })
  t.equal(await new Promise((exit) => ending.once('exit', exit)), 3)
})

let sharp
try {
  sharp = (await import('sharp')).default
} catch {
  t.comment('sharp is not installed: the tests of other kinds of files are skipped')
}

t.test(
  'other kinds of files, and JPEG without libjpeg-turbo',
  { skip: sharp === undefined && 'no sharp' },
  async (t) => {
    const folder = t.testdir()
    const raw = await decodeJpeg(files[1])
    const [height, width] = raw.shape
    const pixels = Buffer.from(raw.toTypedArray())
    raw.dispose()
    const picture = sharp(pixels, { raw: { width, height, channels: 3 } })
    const others = await Promise.all([
      picture.clone().png().toBuffer(),
      picture.clone().tiff({ compression: 'lzw' }).toBuffer(),
      picture.clone().webp({ lossless: true }).toBuffer(),
      picture.clone().ensureAlpha().png().toBuffer(),
      picture.clone().toColourspace('b-w').png().toBuffer(),
    ])
    const images = filesIn(folder, [...others, files[1]])
    const { loader, warnings } = loaderOf(images, { size: 64, flip: 0, crop: { scale: [1, 1], ratio: [4 / 3, 4 / 3] } })
    const made = imagesOf(await batchesOf(loader, 0), 64)
    loader.dispose()
    t.same(warnings, [])
    const wanted = scope(() =>
      resizePixels(fromTypedArray(pixels, [height, width, 3]), [64, 64], { interpolation: 'bicubic' }).toTypedArray(),
    )
    for (const i of [0, 1, 2, 3, 5]) t.equal(sha256(made[i]), sha256(wanted), `file ${i}`)
    t.ok(
      made[4].every((value, i) => value === made[4][i - (i % 3)]),
      'gray in three channels',
    )

    t.test(
      'the same in a process that finds no libjpeg-turbo, and an environment error without sharp, too',
      async (t) => {
        const program = `
      const { PhotoLoader } = require(${JSON.stringify(internalPath('photoLoader'))})
      const { jpegLibrary } = require(${JSON.stringify(internalPath('jpegLibrary'))})
      const { UnreadableImages } = require(${JSON.stringify(internalPath('unreadableImages'))})
      const dataset = { name: 'x', classes: ['x'], length: 1, labels: new Int32Array(1), shape: null, read: () => (${JSON.stringify(images[5])}) }
      const crop = { scale: [1, 1], ratio: [4 / 3, 4 / 3] }
      const loader = new PhotoLoader(dataset, { batchSize: 1, size: 64, flip: 0, crop, unreadable: new UnreadableImages({ name: 'x', length: 0 }, 0, () => {}) })
      loader.epoch(0).next().then(({ value }) => console.log(JSON.stringify([jpegLibrary().reason, [...value.images.permute([0, 2, 3, 1]).contiguous().toTypedArray()]])),
        ({ code, hint }) => console.log(JSON.stringify({ code, hint }))).then(() => process.exit())`
        const env = { ...process.env, MBCONV_TURBOJPEG: join(folder, 'no-library.so') }
        const run = async (...options) => {
          const { stdout } = await promisify(execFile)(process.execPath, [...options, '-e', program], {
            env,
            maxBuffer: 2 ** 24,
          })
          return JSON.parse(stdout)
        }
        const [reason, bytes] = await run()
        t.match(reason, /^libjpeg-turbo cannot be loaded: .*no-library\.so/)
        const { mean } = difference(bytes, wanted)
        t.ok(mean < 1, `sharp decodes nearly the same: ${mean}`)
        const url = (code) => `data:text/javascript,${encodeURIComponent(code)}`
        const hook =
          "export const resolve = (name, context, next) => { if (name === 'sharp') throw new Error('no'); return next(name, context) }"
        const register = `import { register } from 'node:module'; register(${JSON.stringify(url(hook))})`
        t.same(await run('--import', url(register)), { code: 'ERR_ENVIRONMENT', hint: 'npm install sharp' })
      },
    )
  },
)
