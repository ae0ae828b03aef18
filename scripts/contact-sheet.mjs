/*
 * Draws the classes of the scenes: a PNG with a cell per class, with its name above samples of it, each drawn at a
 * small and a large resolution.
 *
 *   node scripts/contact-sheet.mjs docs/scenes.png
 *   node scripts/contact-sheet.mjs all.png --classes 100 --samples 1
 */
import fs from 'node:fs'
import { createRequire } from 'node:module'
import { parseArgs } from 'node:util'
import { data } from 'mbconv'
import sharp from 'sharp'

// The package does not export this tool; the report uses it.
const require = createRequire(import.meta.url)
const { FONT_FAMILY } = require('../dist/drawing/font.js')
const { svgToPng } = require('../dist/drawing/png.js')

const GAP = 4
const NAME = 20
const MARGIN = 12

/**
 * @param {string} out the file
 * @param {{classes?: number, samples?: number, sizes?: number[], seed?: number, columns?: number}} options `sizes` in
 *   px, smallest first; the last is the side of every picture on the sheet
 * @returns {Promise<{width: number, height: number, cells: {name: string, x: number, y: number}[], side: number}>}
 *   position of each class's first picture
 */
export async function contactSheet(out, options = {}) {
  const { classes = 10, samples = 3, sizes = [40, 80], seed = 0, columns = classes === 10 ? 2 : 10 } = options
  const side = sizes.at(-1)
  const drawn = sizes.map((size) => data.loadScenes({ classes, size, train: classes * samples, test: 1, seed }).train)
  const cell = {
    width: samples * (side + GAP) + MARGIN,
    height: sizes.length * (side + GAP) + NAME + MARGIN,
  }
  const rows = Math.ceil(classes / columns)
  const [width, height] = [columns * cell.width + MARGIN, rows * cell.height + MARGIN]
  const cells = drawn[0].classes.map((name, label) => ({
    name,
    x: MARGIN + (label % columns) * cell.width,
    y: MARGIN + NAME + Math.floor(label / columns) * cell.height,
  }))
  const parts = []
  for (const [label, { name, x, y }] of cells.entries()) {
    parts.push(`<text x="${x}" y="${y - 6}" font-family="${FONT_FAMILY}" font-size="13" fill="#222">${name}</text>`)
    for (let sample = 0; sample < samples; sample++)
      for (const [row, images] of drawn.entries()) {
        const png = await picture(images, sample * classes + label, side)
        const at = `x="${x + sample * (side + GAP)}" y="${y + row * (side + GAP)}" width="${side}" height="${side}"`
        parts.push(`<image ${at} href="data:image/png;base64,${png.toString('base64')}"/>`)
      }
  }
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">${parts.join('')}</svg>`
  // Noise does not compress. A palette makes the file a third as large, without visible difference.
  const png = await sharp(await svgToPng(svg, 1))
    .png({ palette: true, effort: 10, dither: 0 })
    .toBuffer()
  fs.writeFileSync(out, png)
  return { width, height, cells, side }
}

/** Draws one image with its pixels enlarged to squares. */
function picture({ images, shape: [channels, size] }, index, side) {
  const plane = size * size
  const pixels = Buffer.alloc(plane * channels)
  for (let at = 0; at < plane; at++)
    for (let c = 0; c < channels; c++) pixels[at * channels + c] = images[(index * channels + c) * plane + at]
  return sharp(pixels, { raw: { width: size, height: size, channels } })
    .resize(side, side, { kernel: 'nearest' })
    .png()
    .toBuffer()
}

if (import.meta.filename === process.argv[1]) {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      classes: { type: 'string', default: '10' },
      samples: { type: 'string', default: '3' },
      seed: { type: 'string', default: '0' },
    },
  })
  if (positionals.length !== 1) {
    console.error('Usage: node scripts/contact-sheet.mjs FILE.png [--classes 10|100] [--samples N] [--seed N]')
    process.exit(2)
  }
  const numbers = Object.fromEntries(Object.entries(values).map(([key, value]) => [key, Number(value)]))
  const { width, height, cells } = await contactSheet(positionals[0], numbers)
  console.log(`${positionals[0]}: ${cells.length} classes, ${width} x ${height} pixels`)
}
