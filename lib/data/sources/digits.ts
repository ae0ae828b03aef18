/** The data set that comes with the package: 8 × 8 handwritten digits. Source and licence: lib/data/digits/README.md. */
import { join } from 'node:path'
import { packageRoot } from '../../package/manifest'
import type { ImageDataset } from './dataset'
import { loadIdx } from './idx'

const FOLDER = join(packageRoot, 'lib', 'data', 'digits')

/**
 * The 1,437 training and 360 test images, gray, [1, 8, 8], classes '0' … '9'.
 *
 * @throws MbconvError ERR_DATA when the package's files are damaged
 */
export function loadDigits(): { train: ImageDataset; test: ImageDataset } {
  const part = (kind: string) =>
    loadIdx({
      images: join(FOLDER, `${kind}-images.idx.gz`),
      labels: join(FOLDER, `${kind}-labels.idx.gz`),
      numClasses: 10,
      name: `digits/${kind}`,
    })
  return { train: part('train'), test: part('test') }
}
