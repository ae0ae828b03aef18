/* The photographs of a folder that scripts/photographs.mjs has made, and lists of them to train on. */
import { readdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { numbersOf } from '../../fuzz/damage.mjs'

/**
 * @typedef {{file: string, label: string, split: 'train' | 'val' | 'test'}} Image
 */

/** @returns {Image[]} by split, class and name */
export function imagesOf(folder) {
  return ['train', 'test'].flatMap((split) =>
    readdirSync(path.join(folder, split))
      .sort()
      .flatMap((label) =>
        readdirSync(path.join(folder, split, label))
          .sort()
          .map((name) => ({ file: path.resolve(folder, split, label, name), label, split })),
      ),
  )
}

/** Writes a list of images as CSV for `dataset: list`. */
export function writeList(file, images) {
  const rows = images.map(({ file, label, split }) => [file, label, split].map((text) => `"${text}"`).join(','))
  writeFileSync(file, ['path,label,split', ...rows, ''].join('\n'))
}

/** The same elements in another order, which depends on the seed alone. */
export function shuffled(list, seed) {
  const random = numbersOf(seed)
  const result = [...list]
  for (let i = result.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1))
    ;[result[i], result[j]] = [result[j], result[i]]
  }
  return result
}

/**
 * Cross-validation with three parts: fold `fold` is for the test, the next one for validation, the others for training.
 * Each class is divided evenly, and each image is in one fold.
 * @returns {Image[]}
 */
export function foldOf(images, { folds, fold, seed }) {
  const labels = [...new Set(images.map(({ label }) => label))]
  return labels.flatMap((label, i) =>
    // Every class begins with another fold, so that folds are of one size.
    shuffled(
      images.filter((image) => image.label === label),
      1000 * seed + i,
    ).map((image, j) => {
      const own = (i + j - fold + folds) % folds
      return { ...image, split: own === 0 ? 'test' : own === 1 ? 'val' : 'train' }
    }),
  )
}
