/** Architectures, scaling and counting (all without native code), and building of networks. */
export { type Preprocessing, shorterSide } from '../data/images/preprocessing'
export type { ActivationName, Arch, Squeeze, Stage } from './arch/arch'
export { formatStage, parseStage } from './arch/block-string'
export type { CheckedArch } from './arch/check'
export type { BlockKind } from './arch/kinds'
export type { Resolution } from './arch/resolution'
export {
  type Coefficients,
  type CompoundOptions,
  compound,
  roundChannels,
  roundRepeats,
  type ScaleOptions,
  scale,
} from './arch/scaling'
export { COUNTING_RULE, type CountOptions, type Counts, count, type StageRow, stageTable } from './cost/count'
export { type Latency, type LatencyOptions, measureLatency } from './cost/latency'
export { estimateMemory, type MemoryEstimate, type MemoryOptions } from './cost/memory'
export { type Reference, type ReferenceLayer, references } from './cost/references'
export { type Summary, summary } from './cost/summary'
export {
  type CardEvaluation,
  type CardMetrics,
  type CardOptions,
  type ClassMetrics,
  type LabelMetrics,
  type ModelCard,
  makeCard,
  readCard,
  writeCard,
} from './export/card'
export { type ExportOptions, type ExportReport, exportOnnx } from './export/export'
export type { ExportedFiles, ExportFilesOptions } from './export/files'
export { type ArchName, arch, canonicalName, list, type ModelName } from './families/catalogue'
export { type Budget, type Fit, type FitOptions, type FitResult, fit } from './fit/fit'
export { type CreateOptions, create } from './network/create'
export { type GradCam, type GradCamOptions, gradCam } from './network/grad-cam'
export type { Network } from './network/network'
export { PROFILE_NAMES, type Profile, type ProfileName, profileNamed } from './network/profiles'
export { type LoadOptions, type LoadReport, loadWeights } from './weights/load'
export { type Pretrained, type PretrainedOptions, pretrained } from './weights/pretrained'
// `checkpoints`, `checkpointNamed` and `Checkpoint` are earlier names, kept for compatibility.
export {
  type PublishedWeights,
  type PublishedWeights as Checkpoint,
  publishedWeights,
  publishedWeights as checkpoints,
  publishedWeightsNamed,
  publishedWeightsNamed as checkpointNamed,
} from './weights/published'
export { type Pulled, type PullOptions, pull } from './weights/pull'
export { type SaveOptions, type SaveReport, saveWeights } from './weights/save'
export type { SavedScheme } from './weights/schemes'
