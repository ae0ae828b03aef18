/** Data sets and what feeds them to training. Only scenes need native code. */
export { type ChannelStatistics, datasetOf, type ImageDataset, normalization, statistics } from './dataset'
export { loadDigits } from './digits'
export { type IdxArray, type IdxPair, loadIdx, readIdx, writeIdx } from './idx'
export { type ImageFileOptions, readImageFile } from './image-file'
export { type Batch, Loader, type LoaderOptions } from './loader'
export { ARRANGEMENTS, loadScenes, type SceneOptions, TEXTURES } from './scenes'
export type { Augment } from './transforms'
