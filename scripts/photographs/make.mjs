/* Makes a set's folder: an image folder, and shards on request. The same set always gives the same files. */
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { SetupError } from '../setup/failure.mjs'
import { makeFolder } from '../setup/folders.mjs'
import { throwIfInterrupted } from '../setup/run.mjs'
import { readMembers } from './archives.mjs'
import { tarFile } from './tar.mjs'

/** Quality of regions' JPEG files. Photographs that are taken whole stay the files that they are. */
const QUALITY = 92
/** Images in a shard; the last one of a split may have fewer. */
const PER_SHARD = 100

/**
 * Makes `out`: `train/CLASS/NAME.jpg`, `test/CLASS/NAME.jpg` and `README.md`, which has `credits`. With `shards` also
 * `shards/train-000000.tar` … in the layout of WebDataset: each image is followed by its class, a number in a `.cls`
 * file, and `shards/classes.txt` has the classes' names in their order. The folder appears under its name when it is
 * complete.
 * @param {import('./sets.mjs').Photograph[]} images
 * @param {{out: string, archives: Record<string, string>, packages: Record<string, {inside: string}>, credits: string, shards?: boolean}} options
 *   archives: the path of each package's archive
 * @returns {Promise<{label: string, train: number, test: number}[]>} numbers of images
 * @throws SetupError if `out` is there and not empty, an archive lacks a photograph, or sharp is missing
 */
export async function makeFolderOf(images, { out, archives, packages, credits, shards = false }) {
  refuseUsed(out)
  const contents = new Map()
  for (const [from, archive] of Object.entries(archives)) {
    const inside = (member) => `${packages[from].inside}/${member}`
    const members = new Set(images.filter((image) => image.from === from).map(({ member }) => inside(member)))
    contents.set(from, readMembers(archive, [...members]))
  }
  const cut = images.some(({ region }) => region !== undefined) ? await cutter() : null
  makeFolder(path.dirname(out))
  const staging = fs.mkdtempSync(path.join(path.dirname(out), '.photographs-'))
  try {
    const files = []
    for (const image of images) {
      throwIfInterrupted()
      const photograph = contents.get(image.from).get(`${packages[image.from].inside}/${image.member}`)
      const bytes = image.region === undefined ? photograph : await cut(photograph, image.region)
      const folder = path.join(staging, image.split, image.label)
      makeFolder(folder)
      fs.writeFileSync(path.join(folder, image.name), bytes)
      files.push({ ...image, bytes })
    }
    fs.writeFileSync(path.join(staging, 'README.md'), credits)
    if (shards) writeShards(path.join(staging, 'shards'), files)
    fs.chmodSync(staging, 0o755)
    // This replaces an empty folder of that name, and no other.
    fs.renameSync(staging, out)
  } finally {
    fs.rmSync(staging, { recursive: true, force: true })
  }
  const count = (split, label) => images.filter((image) => image.split === split && image.label === label).length
  return classesOf(images).map((label) => ({ label, train: count('train', label), test: count('test', label) }))
}

/**
 * Refuses a path that something has already.
 * @throws SetupError
 */
export function refuseUsed(out) {
  const there = fs.lstatSync(out, { throwIfNoEntry: false })
  if (there === undefined || (there.isDirectory() && fs.readdirSync(out).length === 0)) return
  throw new SetupError(there.isDirectory() ? `${out} is not empty` : `${out} is there, and is no folder`, {
    hint: 'Name a folder that does not exist yet, or an empty one.',
  })
}

/** The classes of images, in the order of an image folder. */
const classesOf = (images) => [...new Set(images.map(({ label }) => label))].sort()

/** A function that cuts a region and encodes it, without metadata; a photograph without colour stays without. */
async function cutter() {
  let sharp
  try {
    sharp = (await import('sharp')).default
  } catch (error) {
    throw new SetupError(`regions are cut with the optional package sharp, which cannot be loaded (${error.code})`, {
      hint: 'npm install --no-save sharp',
    })
  }
  return async (photograph, { left, top, side }) => {
    const { channels } = await sharp(photograph).metadata()
    return sharp(photograph)
      .extract({ left, top, width: side, height: side })
      .removeAlpha()
      .toColourspace(channels < 3 ? 'b-w' : 'srgb')
      .jpeg({ quality: QUALITY })
      .toBuffer()
  }
}

/** Writes the shards of both splits. Classes are mixed in them, in an order that depends on the names only. */
function writeShards(folder, files) {
  makeFolder(folder)
  const classes = classesOf(files)
  const place = ({ label, name }) => createHash('sha256').update(`${label}/${name}`).digest('hex')
  for (const split of ['train', 'test']) {
    const mixed = files.filter((file) => file.split === split).sort((a, b) => (place(a) < place(b) ? -1 : 1))
    for (let start = 0; start < mixed.length; start += PER_SHARD) {
      const members = mixed.slice(start, start + PER_SHARD).flatMap(({ label, name, bytes }) => {
        const key = `${label}_${path.parse(name).name}`
        return [
          { name: `${key}.jpg`, bytes },
          { name: `${key}.cls`, bytes: Buffer.from(String(classes.indexOf(label))) },
        ]
      })
      const number = String(start / PER_SHARD).padStart(6, '0')
      fs.writeFileSync(path.join(folder, `${split}-${number}.tar`), tarFile(members))
    }
  }
  fs.writeFileSync(path.join(folder, 'classes.txt'), classes.map((name) => `${name}\n`).join(''))
}
