/** Data sets and what feeds them to training. Only scenes need native code. */

export { type ImageFileOptions, readImageFile } from './images/image-file'
export { type Batch, Loader, type LoaderOptions } from './loader'
export { type ChannelStatistics, datasetOf, type ImageDataset, normalization, statistics } from './sources/image-dataset'
export { loadDigits } from './sources/digits'
export { type IdxArray, type IdxPair, loadIdx, readIdx, writeIdx } from './sources/idx'
export { ARRANGEMENTS, loadScenes, type SceneOptions, TEXTURES } from './sources/scenes'
export type { Augment } from './transforms'
