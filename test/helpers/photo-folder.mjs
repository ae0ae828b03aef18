/* A folder of small pictures, one folder a class, as a camera and a careless person leave them. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Random numbers that are the same on every machine. */
function numbers(seed) {
  let state = seed
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}

/** What a class looks like: its colour, and whether its stripes are upright. */
const LOOKS = {
  ash: { colour: [200, 80, 60], upright: true },
  birch: { colour: [70, 180, 90], upright: false },
  cedar: { colour: [80, 90, 210], upright: true },
}

export const CLASSES = Object.keys(LOOKS)

/** RGB bytes of a picture of a class. */
export function pixelsOf(name, number, { width = 64, height = 48 } = {}) {
  const { colour, upright } = LOOKS[name]
  const random = numbers(1 + number + 1000 * CLASSES.indexOf(name))
  const period = 5 + 4 * random()
  const phase = random() * period
  const bytes = Buffer.alloc(width * height * 3)
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const light = ((upright ? x : y) + phase) % period < period / 2 ? 1 : 0.55
      for (let c = 0; c < 3; c++, at++) bytes[at] = Math.min(255, colour[c] * light + 25 * random())
    }
  }
  return bytes
}

/** A picture as a file's bytes. */
export async function pictureOf(sharp, name, number, { format = 'jpeg', width = 64, height = 48 } = {}) {
  const image = sharp(pixelsOf(name, number, { width, height }), { raw: { width, height, channels: 3 } })
  return image.toFormat(format).toBuffer()
}

/** Writes `each` pictures of every class into DIR/<class>/. */
export async function writePhotos(sharp, dir, { each = 16, first = 0 } = {}) {
  for (const name of CLASSES) {
    mkdirSync(join(dir, name), { recursive: true })
    for (let i = first; i < first + each; i++)
      writeFileSync(join(dir, name, `${String(i).padStart(3, '0')}.jpg`), await pictureOf(sharp, name, i))
  }
  return dir
}
