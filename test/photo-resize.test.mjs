// Resizing as Pillow's, and random crops as timm's.
import { readFileSync } from 'node:fs'
import { fromTypedArray, scope } from 'mbconv'
import t from 'tap'
import { internal } from './helpers/internals.mjs'
import { datasetOf, listUnreadable, sha256 } from './helpers/photos.mjs'

const { resizePixels } = internal('photoPixels')
const { PhotoLoader } = internal('photoLoader')
const { KeyedRandom, PURPOSE } = internal('philox')

const golden = JSON.parse(readFileSync(new URL('golden/photos.json', import.meta.url), 'utf8'))

/** The picture of the golden's `pattern`. */
function pattern(height, width) {
  const bytes = new Uint8Array(height * width * 3)
  let i = 0
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let c = 0; c < 3; c++) {
        const slope = Math.floor((x * 5 + y * 3) / (c + 2)) + Math.floor((x * y * (c + 1)) / 16)
        bytes[i++] = (slope + (x ^ y) * 7 + c * 85) & 255
      }
    }
  }
  return fromTypedArray(bytes, [height, width, 3])
}

t.test(`resizing as in ${golden.source}, to the bit`, async (t) => {
  for (const { size, result, box, filter, sha256: wanted } of golden.resize) {
    const bytes = scope(() =>
      resizePixels(pattern(...size), result, { interpolation: filter, box: box ?? undefined }).toTypedArray(),
    )
    t.equal(sha256(bytes), wanted, `${size.join(' x ')} to ${result.join(' x ')}, ${filter}, ${box}`)
  }
})

t.test('resizing refuses what it cannot do', async (t) => {
  const refused = (code, message, ...args) => t.throws(() => scope(() => resizePixels(...args)), { code, message })
  const image = () => pattern(4, 5)
  refused('ERR_VALUE', /size must be/, image(), [0, 5])
  refused('ERR_VALUE', /size must be/, image(), [3])
  refused('ERR_TYPE', /size must be/, image(), 3)
  refused('ERR_VALUE', /unknown filter 'lanczos'/, image(), [2, 2], { interpolation: 'lanczos' })
  refused('ERR_VALUE', /box must lie in the image/, image(), [2, 2], { box: [0, 0, 5.1, 4] })
  refused('ERR_VALUE', /box must lie in the image/, image(), [2, 2], { box: [2, 0, 2, 4] })
  refused('ERR_VALUE', /box must lie in the image/, image(), [2, 2], { box: [0, 0, Number.NaN, 4] })
  refused('ERR_SHAPE', /uint8\[height, width, 3\]/, image().narrow(2, 0, 2), [2, 2])
  refused('ERR_SHAPE', /uint8\[height, width, 3\]/, image().to({ dtype: 'float32' }), [2, 2])
})

const loaderOf = (options) =>
  new PhotoLoader(datasetOf([{ name: 'x', file: 'x' }]), {
    ...{ batchSize: 1, size: 8, threads: 0, unreadable: listUnreadable().unreadable },
    ...options,
  })

t.test(`random crops as in ${golden.source}, from the same random numbers`, async (t) => {
  for (const { size, seed, scale, ratio, interpolation, flip, crops } of golden.crops) {
    const loader = loaderOf({ seed: BigInt(seed), crop: { scale, ratio }, interpolation, flip })
    const [height, width] = size
    for (const [epoch, sample, ...wanted] of crops) {
      const crop = loader.crop(epoch, sample, { height, width })
      const found = [crop.left, crop.top, crop.width, crop.height]
      found.push(Number(crop.interpolation === 'bicubic'), Number(crop.flipped))
      t.same(found, wanted, `${size.join(' x ')}, epoch ${epoch}, sample ${sample}`)
    }
    loader.dispose()
  }
})

t.test('a part has at least one pixel, and lies in the image', async (t) => {
  const loader = loaderOf({ crop: { scale: [0.001, 1], ratio: [0.05, 20] } })
  const strange = []
  for (const [height, width] of [
    [1, 1],
    [2, 3],
    [1, 50],
    [65535, 1],
    [7, 65535],
  ]) {
    for (let sample = 0; sample < 200; sample++) {
      const crop = loader.crop(0, sample, { height, width })
      const inside =
        crop.left >= 0 && crop.top >= 0 && crop.left + crop.width <= width && crop.top + crop.height <= height
      if (!inside || crop.width < 1 || crop.height < 1) strange.push({ height, width, ...crop })
    }
  }
  t.same(strange, [])
  loader.dispose()
})

t.test('the random numbers of a crop are those of KeyedRandom', async (t) => {
  const loader = loaderOf({ seed: 9, crop: { scale: [1, 1], ratio: [1, 1] }, interpolation: 'bilinear', flip: 0.5 })
  for (let sample = 0; sample < 40; sample++) {
    const random = new KeyedRandom(9, PURPOSE.crop, 3, sample)
    random.uniform() // area
    random.uniform() // shape
    random.below(1) // position
    random.below(1)
    t.equal(loader.crop(3, sample, { height: 50, width: 50 }).flipped, random.uniform() < 0.5, `sample ${sample}`)
  }
  loader.dispose()
})

t.test('options that the loader refuses', async (t) => {
  const refused = (options, code, message) => t.throws(() => loaderOf(options), { code, message })
  refused({ batchSize: 0 }, 'ERR_VALUE', /batchSize must be a whole number from 1/)
  refused({ size: 1.5 }, 'ERR_VALUE', /size must be a whole number/)
  refused({ size: '8' }, 'ERR_TYPE', /size must be a whole number .* got "8"/)
  refused(
    { crop: { scale: [0, 1] } },
    'ERR_VALUE',
    /crop.scale must be two rising numbers above 0 and up to 1, got \[0, 1\]/,
  )
  refused({ crop: { scale: [0.5, 1.5] } }, 'ERR_VALUE', /crop.scale/)
  refused({ crop: { ratio: [2, 1] } }, 'ERR_VALUE', /crop.ratio/)
  refused({ interpolation: 'nearest' }, 'ERR_VALUE', /interpolation must be one of/)
  refused({ crop: { size: 3 } }, 'ERR_TYPE', /unknown option "size"/)
  refused({ flip: 1.1 }, 'ERR_VALUE', /flip must be a number from 0 to 1/)
  refused({ threads: -1 }, 'ERR_VALUE', /threads must be a whole number from 0 to 256/)
  refused({ ahead: 0 }, 'ERR_VALUE', /ahead must be/)
  refused({ seed: 0.5 }, 'ERR_VALUE', /seed/)
  refused({ shuffle: 1 }, 'ERR_VALUE', /shuffle must be true or false/)
  refused({ augment: 'rotate' }, 'ERR_TYPE', /augment must be a function/)
  refused({ colour: true }, 'ERR_TYPE', /unknown option "colour"/)
  refused({ batchSize: 2, dropLast: true }, 'ERR_VALUE', /1 images give no batch of 2/)
})
