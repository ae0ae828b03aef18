/* `mbconv train FOLDER`: from a folder of pictures to a network that predicts, without a configuration. */
import { spawnSync } from 'node:child_process'
import fs, { existsSync, mkdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseConfig } from 'mbconv'
import t from 'tap'
import { parse } from 'yaml'
import { internal } from './helpers/internals.mjs'
import { CLASSES, pictureOf, pixelsOf, writePhotos } from './helpers/photo-folder.mjs'

const sharp = await import('sharp').then(
  ({ default: found }) => found,
  () => undefined, // optional: the tests that need it say that they are skipped
)
const skip = !sharp && 'the optional package sharp is not installed'
const { planForPhotographs } = internal('photographsPlan')
const MAIN = resolve('dist/cli/main.js')

/** Runs the command in a folder; HOME is empty, so that no weights are found. */
function mbconv(cwd, ...words) {
  const env = { ...process.env, NO_COLOR: '1', LANG: 'C.UTF-8', HOME: cwd, MBCONV_CACHE: join(cwd, 'cache') }
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...words], { cwd, env, encoding: 'utf8' })
  return { status, stdout, stderr }
}

/** A network of seconds. */
const SMALL = ['--minutes', '0.02', '--epochs', '2', '--data.batchSize=8', '--model.resolution=32']

t.test('a folder with everything that goes wrong', { skip }, async (t) => {
  const dir = realpathSync(t.testdir())
  const photos = await writePhotos(sharp, join(dir, 'photos'))
  const raw = { raw: { width: 64, height: 48, channels: 3 } }
  const [ash, birch, cedar] = CLASSES.map((name) => join(photos, name))
  const whole = await pictureOf(sharp, 'ash', 50)
  writeFileSync(join(ash, 'cut.jpg'), whole.subarray(0, whole.length / 2))
  writeFileSync(join(ash, 'noise.png'), Buffer.alloc(64, 7))
  writeFileSync(
    join(birch, 'print.jpg'),
    await sharp(pixelsOf('birch', 51), raw).toColourspace('cmyk').jpeg().toBuffer(),
  )
  writeFileSync(
    join(birch, 'turned.jpg'),
    await sharp(pixelsOf('birch', 52), raw).withMetadata({ orientation: 6 }).jpeg().toBuffer(),
  )
  writeFileSync(
    join(cedar, 'deep.png'),
    await sharp(pixelsOf('cedar', 53), raw).toColourspace('rgb16').png().toBuffer(),
  )
  writeFileSync(join(cedar, 'nameless'), await pictureOf(sharp, 'cedar', 54))
  writeFileSync(join(cedar, 'loud.JPG'), await pictureOf(sharp, 'cedar', 55))
  writeFileSync(join(cedar, '.hidden.jpg'), await pictureOf(sharp, 'cedar', 56))
  writeFileSync(join(cedar, 'notes.txt'), 'not a picture')
  mkdirSync(join(photos, 'empty'))

  const { status, stdout, stderr } = mbconv(dir, 'train', 'photos', ...SMALL, '--run.name=first')
  t.equal(status, 0, stderr)
  t.match(stderr, /no weights of efficientnet_b0 are here/, 'the choice and its reason')
  t.match(stderr, /warning: .*cut\.jpg/, 'the file that ends early')
  t.match(stderr, /noise\.png/, 'and the one that is no picture')
  t.match(stderr, /empty/, 'and the folder without pictures')
  t.match(stderr, /notes\.txt/, 'and a file that is not meant as a picture')
  t.notMatch(stderr, /print\.jpg|turned\.jpg|deep\.png|nameless|loud|hidden/)
  t.match(stdout, /first/)
  const config = JSON.parse(readFileSync(join(dir, 'runs', 'first', 'config.json'), 'utf8'))
  t.match(config, { recipe: 'scratch', data: { dataset: 'folder', folder: { path: photos } } })
  const result = JSON.parse(readFileSync(join(dir, 'runs', 'first', 'result.json'), 'utf8'))
  t.strictSame(result.classes, CLASSES)

  t.test('it can be resumed, by its folder and by its name, for more epochs', async (t) => {
    for (const words of [
      ['--resume', '--run.name=first'],
      ['--resume', 'runs/first', '--epochs', '3'],
    ]) {
      const { status, stderr } = mbconv(dir, 'train', 'photos', ...words)
      t.equal(status, 0, stderr)
      t.match(stderr, /going on after step \d+/)
    }
    t.equal(JSON.parse(readFileSync(join(dir, 'runs', 'first', 'config.json'), 'utf8')).epochs, 3)
    for (const words of [
      ['--model', 'b1'],
      ['--minutes', '3'],
    ]) {
      const { status, stderr } = mbconv(dir, 'train', 'photos', '--resume', ...words)
      t.equal(status, 2)
      t.match(stderr, `${words[0]} has no effect with --resume`)
    }
    const none = mbconv(dir, 'train', 'photos', '--resume', '--run.dir=elsewhere')
    t.equal(none.status, 2)
    t.match(none.stderr, /there is no run of photos in .*elsewhere to resume/)
  })

  t.test('predictions with the newest run name the folders', async (t) => {
    writeFileSync(join(dir, 'new.jpg'), await pictureOf(sharp, 'birch', 99))
    const predicted = mbconv(dir, 'predict', 'new.jpg', '--json')
    t.equal(predicted.status, 0, predicted.stderr)
    const [line] = predicted.stdout
      .trim()
      .split('\n')
      .map((text) => JSON.parse(text))
    t.strictSame(line.predictions.map(({ label }) => label).sort(), CLASSES)
  })

  t.test('evaluating again gives the same figures', async (t) => {
    const { status, stdout, stderr } = mbconv(dir, 'eval', 'runs/first', '--json')
    t.equal(status, 0, stderr)
    const again = JSON.parse(stdout.trim().split('\n').at(-1))
    const now = JSON.parse(readFileSync(join(dir, 'runs', 'first', 'result.json'), 'utf8'))
    t.equal(again.top1, now.best.top1)
    t.match(stderr, /warning: .*notes\.txt/, 'and says again what is left out')
  })

  t.test('another limit for files that cannot be read', async (t) => {
    const { status, stderr } = mbconv(dir, 'train', 'photos', ...SMALL, '--data.maxUnreadable=0')
    t.equal(status, 4, stderr)
    t.match(stderr, /data\.maxUnreadable is 0/)
    t.match(stderr, /ERR_DATA/)
  })
})

t.test('the configuration it chooses can be printed, changed, and used as a file', { skip }, async (t) => {
  const dir = realpathSync(t.testdir())
  await writePhotos(sharp, join(dir, 'photos'))
  await writePhotos(sharp, join(dir, 'held'), { first: 40, each: 3 })
  const words = ['photos', '--test', 'held', '--model', 'b1', '--minutes', '0.02', '--epochs', '3', '--seed=4']
  const { status, stdout, stderr } = mbconv(dir, 'train', ...words, '--print-config')
  t.equal(status, 0, stderr)
  t.match(stderr, /^timing training on this machine, to choose a network for 0\.02 minutes/)
  t.notOk(existsSync(join(dir, 'runs')), 'nothing is trained')
  const config = parse(stdout)
  t.match(config, {
    ...{ epochs: 3, seed: 4, recipe: 'scratch', model: { name: 'efficientnet_b1' } },
    data: { dataset: 'folder', folder: { path: join(dir, 'photos'), test: join(dir, 'held') } },
  })
  writeFileSync(join(dir, 'printed.yaml'), stdout)
  const again = mbconv(dir, 'train', 'printed.yaml', '--print-config')
  t.strictSame(parse(again.stdout), config, again.stderr)
  t.equal(config.run.name, null, 'a file is for more than one run')
  t.equal(config.data.folder.split, 0.2, 'validation images beside the test images')
})

t.test('test images are evaluated once, with the weights of the best checkpoint', { skip }, async (t) => {
  const dir = realpathSync(t.testdir())
  await writePhotos(sharp, join(dir, 'photos'), { each: 20 })
  await writePhotos(sharp, join(dir, 'held'), { first: 40, each: 5 })
  const { status, stdout, stderr } = mbconv(dir, 'train', 'photos', '--test', 'held', ...SMALL, '--run.name=apart')
  t.equal(status, 0, stderr)
  t.match(stdout, /Validation accuracy/)
  t.match(stdout, /Test accuracy/)
  const times = /all of them (.+), and the evaluation of the test images at the end (.+)/.exec(stderr)
  t.ok(times, stderr)
  const result = JSON.parse(readFileSync(join(dir, 'runs', 'apart', 'result.json'), 'utf8'))
  t.equal(
    result.test.perClass.images.reduce((a, b) => a + b),
    15,
  )
  t.not(
    result.perClass.images.reduce((a, b) => a + b),
    15,
  )
  const again = mbconv(dir, 'eval', 'runs/apart', '--json')
  const { top1, loss } = JSON.parse(again.stdout.trim().split('\n').at(-1))
  t.strictSame({ top1, loss }, { top1: result.test.top1, loss: result.test.loss }, again.stderr)
})

t.test('a cache of images, as a folder of photographs', { skip }, async (t) => {
  const dir = realpathSync(t.testdir())
  await writePhotos(sharp, join(dir, 'photos'))
  t.equal(mbconv(dir, 'data', 'cache', 'photos', '--to', 'photos-64', '--size', '64').status, 0)
  const { status, stderr } = mbconv(dir, 'train', 'photos-64', ...SMALL, '--epochs=1', '--run.name=cached')
  t.equal(status, 0, stderr)
  t.match(stderr, /33 training images in 3 classes; 15 others choose the best checkpoint/)
  const { data } = JSON.parse(readFileSync(join(dir, 'runs', 'cached', 'config.json'), 'utf8'))
  t.match(data, { dataset: 'cache', cache: { path: join(dir, 'photos-64') } })
  const refused = mbconv(dir, 'train', 'photos-64', '--test', 'photos')
  t.equal(refused.status, 2)
  t.match(refused.stderr, /mbconv data cache FOLDER --test TEST --to CACHE/, 'the hint is the command to use')
  const pictures = fs.readdirSync(join(dir, 'photos', 'ash')).filter((name) => name.endsWith('.jpg'))
  writeFileSync(
    join(dir, 'labels.csv'),
    `path,label\n${pictures.map((name) => `photos/ash/${name},ash|birch`).join('\n')}\n`,
  )
  const cached = mbconv(dir, 'data', 'cache', 'labels.csv', '--to', 'labels-64', '--size', '64', '--multi-label')
  t.equal(cached.status, 0, cached.stderr)
  const several = mbconv(dir, 'train', 'labels-64')
  t.equal(several.status, 2)
  t.match(several.stderr, /task: multiLabel, and data: \{dataset: cache, cache: \{path: .*labels-64\}\}/)
})

t.test('what cannot be trained on', { skip }, async (t) => {
  const dir = realpathSync(t.testdir({ none: {}, one: { only: {} } }))
  for (let i = 0; i < 12; i++) writeFileSync(join(dir, 'one', 'only', `${i}.jpg`), await pictureOf(sharp, 'ash', i))
  const refused = (words, status, message) => {
    const given = mbconv(dir, 'train', ...words)
    t.equal(given.status, status, given.stderr)
    t.match(given.stderr, message)
    t.notOk(existsSync(join(dir, 'runs')))
  }
  refused(['none'], 4, /none/)
  refused(['one'], 4, /one class/)
  refused(['one', '--epochs', 'many'], 2, /--epochs must be a whole number above 0, not many/)
  refused(['one', '--minutes', '0'], 2, /--minutes must be a number above 0, not 0/)
  refused(['one', '--model', 'efficientnot'], 2, /no model is called efficientnot/)
  refused(['one', '--test'], 2, /test/)
})

t.test('a plan counts the images that train and those that choose the checkpoint', { skip }, async (t) => {
  const dir = realpathSync(t.testdir())
  const pictures = { whole: 16, test: 3, 'parts/train': 4, 'parts/val': 2, 'tested/train': 4, 'tested/test': 5 }
  for (const [name, each] of Object.entries(pictures)) await writePhotos(sharp, join(dir, name), { each })
  const measures = {
    network: () => ({ width: 0.25, depth: 1, resolution: 64 }),
    pace: async () => ({ opening: 0, epoch: 1, waiting: 0, closing: 0 }),
  }
  async function counts(path, test) {
    const request = { path: join(dir, path), model: 'efficientnet_b1', ...(test && { test: join(dir, test) }) }
    const { reasons } = await planForPhotographs(request, measures)
    const [, ...numbers] = /^(\d+) training images in 3 classes; (\d+) others choose the best checkpoint$/.exec(
      reasons[0],
    )
    return numbers.map(Number)
  }
  for (const test of [undefined, 'test']) {
    const [train, held] = await counts('whole', test)
    t.equal(train + held, 3 * 16, 'each image of the folder is on one side')
    t.ok(held > 0 && held < train, `${held} of 48 are held out, a fifth on average`)
  }
  t.strictSame(await counts('parts'), [3 * 4, 3 * 2], 'the part val chooses')
  const [train, held] = await counts('tested')
  t.equal(train + held, 3 * 4, 'beside a test part, a part of the training images chooses')
  t.strictSame(await counts('parts', 'test'), [3 * 4, 3 * 2], 'beside a test folder, too')
})

t.test('epochs and network follow from the time that an epoch takes', { skip }, async (t) => {
  const path = await writePhotos(sharp, join(realpathSync(t.testdir()), 'photos'))
  /** On a machine where an epoch takes `epoch(network)` seconds; `sizes` are the networks, by the seconds of an image. */
  async function planned({
    minutes,
    epochs,
    opening = 0,
    epoch,
    waiting = 0,
    closing = 0,
    sizes = () => 0.25,
    complete,
  }) {
    const [paces, notes] = [[], []]
    const note = (text) => notes.push(text)
    const { config, reasons } = await planForPhotographs(
      { path, minutes, epochs, model: 'efficientnet_b1', complete, note },
      {
        network: (_, { seconds }) => ({ width: sizes(seconds), depth: 1, resolution: 64 }),
        async pace({ model, data, epochs }, most) {
          t.equal(data.folder.path, path, 'a complete configuration')
          t.ok(most > 0 && most < 6 * minutes && most <= 20, `${most} s`)
          t.match(notes, [/^timing training on this machine/], 'said before')
          paces.push([model.width, epochs])
          return { opening, epoch: epoch(model), waiting, closing }
        },
      },
    )
    return { config, paces, reasons: reasons.join('\n') }
  }
  const usual = 100 // of so few images
  // A share of the time is left. What planning itself takes is seconds at most.
  const slow = await planned({ minutes: 60, opening: 600, epoch: () => 60 })
  t.ok(slow.config.epochs >= 44 && slow.config.epochs <= 47, `${slow.config.epochs} epochs of a minute in an hour`)
  t.match(slow.reasons, /60 minutes/)
  t.match(slow.reasons, `epochs ${slow.config.epochs}: `)
  t.equal((await planned({ minutes: 60, epoch: () => 1 })).config.epochs, 2 * usual, 'not any number')
  t.equal((await planned({ minutes: 1, epoch: () => 300 })).config.epochs, 1, 'at least one')
  t.equal((await planned({ minutes: 60, epochs: 7, epoch: () => 1 })).config.epochs, 7, 'as asked')
  // A network that turns out too slow is replaced by another one, which is measured, too.
  const sizes = (seconds) => Math.min(1, Math.max(0.25, 0.05 * Math.round(100 * seconds)))
  const other = await planned({ minutes: 60, epoch: ({ width }) => 180 * width, sizes })
  t.equal(other.paces.length, 2)
  t.ok(other.paces[1][0] < other.paces[0][0], `${other.paces}`)
  t.equal(other.config.model.width, other.paces[1][0])
  const share = (other.config.epochs * 180 * other.config.model.width) / 3600
  t.ok(share > 0.85 && share <= 0.95, `${share} of the time`)

  t.test('a short run warms up for a fifth of it', async (t) => {
    const brief = await planned({ minutes: 10, epoch: () => 240 })
    t.equal(brief.config.epochs, 2)
    t.equal(parseConfig(brief.config).schedule.warmupEpochs, 0.4)
    t.equal(parseConfig(brief.config).schedule.name, 'cosine')
    t.match(brief.reasons, 'schedule.warmupEpochs 0.4, a fifth of the run')
    t.equal((await planned({ minutes: 60, epochs: 10, epoch: () => 1 })).config.schedule, undefined, 'as the recipe')
    // With other keys of the user, the plan adds none that contradicts them.
    for (const [schedule, warmupEpochs] of [
      [{ name: 'oneCycle' }, undefined],
      [{ name: 'constant' }, 0],
      [{ warmupEpochs: 1.5 }, 1.5],
    ]) {
      const complete = (config) => parseConfig({ ...config, schedule: { ...config.schedule, ...schedule } })
      const { config, reasons } = await planned({ minutes: 10, epoch: () => 240, complete })
      t.equal(complete(config).schedule.warmupEpochs, warmupEpochs)
      t.notMatch(reasons, 'warmupEpochs')
    }
    // Fine-tuning, whose recipe warms up for one epoch.
    const note = () => t.fail('nothing is timed')
    const tuned = await planForPhotographs({ path, weights: 'efficientnet_b0.ra_in1k', epochs: 1, note })
    t.equal(parseConfig(tuned.config).schedule.warmupEpochs, 0.2)
  })

  t.test('what cannot be done in the time is said, with what helps', async (t) => {
    const long = await planned({ minutes: 10, epoch: () => 900, waiting: 700 })
    t.match(
      long.reasons,
      'planning and training take longer than the 10 minutes (--minutes), and so many images usually take 100',
    )
    t.match(long.reasons, 'an epoch waits 11 min 40 s for images to be read. mbconv data cache')
    const few = await planned({ minutes: 10, epoch: () => 240, waiting: 1 })
    t.match(few.reasons, 'so many images usually take 100 epochs: raise --minutes')
    t.notMatch(few.reasons, 'longer than')
    const asked = await planned({ minutes: 10, epochs: 5, epoch: () => 240 })
    t.match(
      asked.reasons,
      'planning and training take longer than the 10 minutes (--minutes): raise --minutes, or lower --epochs',
    )
    const fits = await planned({ minutes: 60, epoch: () => 60 })
    t.notMatch(fits.reasons, /longer than the|usually/)
  })

  t.test('the time includes listing the folder and evaluating the test images', async (t) => {
    const closed = await planned({ minutes: 60, closing: 1200, epoch: () => 60 })
    t.ok(closed.config.epochs >= 35 && closed.config.epochs <= 37, `${closed.config.epochs} epochs beside 20 minutes`)
    t.match(closed.reasons, 'the evaluation of the test images at the end 20 min 0 s')
    t.notMatch((await planned({ minutes: 60, epoch: () => 60 })).reasons, 'test images')
    // On a disk where each listing of a folder takes five minutes.
    const { readdirSync } = fs
    const { now } = performance
    let listings = 0
    fs.readdirSync = (...args) => {
      listings++
      return readdirSync(...args)
    }
    performance.now = () => now.call(performance) + 300e3 * listings
    t.teardown(() => {
      fs.readdirSync = readdirSync
      performance.now = now
    })
    const slow = await planned({ minutes: 60, epoch: () => 60 })
    t.ok(listings >= CLASSES.length, `${listings} listings`)
    const most = 57 - 5 * listings
    t.ok(slow.config.epochs <= most && slow.config.epochs >= most - 2, `${slow.config.epochs} of ${most} epochs`)
  })
})
