// The contact sheet of the scenes: a picture that decodes, with a cell for each class.
import path from 'node:path'
import { data } from 'mbconv'
import sharp from 'sharp'
import t from 'tap'
import { contactSheet } from '../scripts/contact-sheet.mjs'

t.test('one cell a class, and what is in it are its scenes', async (t) => {
  const out = path.join(t.testdir({}), 'sheet.png')
  const options = { classes: 10, samples: 2, sizes: [16, 32], seed: 3 }
  const { width, height, cells, side } = await contactSheet(out, options)
  const { data: pixels, info } = await sharp(out).removeAlpha().raw().toBuffer({ resolveWithObject: true })
  t.same([info.width, info.height, info.channels], [width, height, 3])
  const large = data.loadScenes({ classes: 10, size: 32, train: 20, test: 1, seed: 3 }).train
  t.same(
    cells.map(({ name }) => name),
    large.classes,
  )
  t.equal(side, 32)
  for (const [label, { name, x, y }] of cells.entries()) {
    // The second row of a cell is the larger resolution, pixel for pixel but for the palette.
    let sum = 0
    for (let row = 0; row < side; row++)
      for (let column = 0; column < side; column++)
        for (let c = 0; c < 3; c++) {
          const there = pixels[((y + side + 4 + row) * width + x + column) * 3 + c]
          sum += Math.abs(there - large.images[((label * 3 + c) * side + row) * side + column])
        }
    t.ok(sum / (3 * side * side) < 12, `${name}: ${sum / (3 * side * side)} of 255 apart`)
  }
})
