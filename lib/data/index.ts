/** Data sets, and the loader that feeds them to training. Only scenes need native code. */

export type { Batch, ByteBatch } from './batches/batch'
export {
  type Dataset,
  type EncodedImage,
  type ImageDataset,
  inMemory,
  type MemoryDataset,
  type PhotoDataset,
} from './dataset/image-dataset'
export type { DataParts } from './dataset/kind'
export { type ChannelStatistics, normalization, statistics } from './dataset/statistics'
export { type ImageFileOptions, readImageFile } from './images/image-file'
export { Loader, type LoaderOptions } from './loader'
export { loadDigits } from './sources/digits'
export { type IdxArray, type IdxPair, loadIdx, readIdx, writeIdx } from './sources/idx'
export { datasetOf } from './sources/kinds'
export { ARRANGEMENTS, loadScenes, type SceneOptions, TEXTURES } from './sources/scenes'
export type { Augment } from './transforms'
