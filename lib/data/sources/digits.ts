/** The bundled data set: 8 × 8 handwritten digits. Source and licence: lib/data/digits/README.md. */
import { join } from 'node:path'
import { packageRoot } from '../../package/manifest'
import type { MemoryDataset } from '../dataset/image-dataset'
import type { DatasetKind } from '../dataset/kind'
import { loadIdx } from './idx'

const FOLDER = join(packageRoot, 'lib', 'data', 'digits')

/** The two parts of the digits. */
export interface DigitParts {
  /** 1437 images of 8 × 8 px, with labels from 0 to 9. */
  train: MemoryDataset
  /** 360 other images of the same kind. */
  test: MemoryDataset
}

/**
 * The 1,437 training and 360 test images, gray, [1, 8, 8], classes '0' … '9'.
 *
 * @throws MbconvError ERR_DATA if the package's files are damaged
 */
export function loadDigits(): DigitParts {
  const part = (kind: string) =>
    loadIdx({
      images: join(FOLDER, `${kind}-images.idx.gz`),
      labels: join(FOLDER, `${kind}-labels.idx.gz`),
      numClasses: 10,
      name: `digits/${kind}`,
    })
  return { train: part('train'), test: part('test') }
}

/** For the registry in kinds.ts. */
export const digitsKind = {
  name: 'digits',
  summary: 'the embedded ones',
  reported: 'the embedded digits',
  caveat: 'Digits are 8 px images: a larger input is the same image enlarged, so resolution has nothing to show here.',
  keys: {},
  files: [],
  open: () => loadDigits(),
} satisfies DatasetKind
