/** Architectures, scaling, counting (all without native code), and building. */
export {
  type ActivationName,
  type Arch,
  arch,
  type BlockKind,
  canonicalName,
  list,
  type Squeeze,
  type Stage,
} from './arch'
export { formatStage, parseStage } from './block-string'
export {
  type CardMetrics,
  type CardOptions,
  type ModelCard,
  makeCard,
  type Preprocessing,
  readCard,
  shorterSide,
  writeCard,
} from './card'
export { type Checkpoint, checkpointNamed, checkpoints } from './checkpoints'
export { COUNTING_RULE, type CountOptions, type Counts, count, type StageRow, stageTable } from './count'
export { type CreateOptions, create } from './create'
export { type ExportOptions, type ExportReport, exportOnnx } from './export'
export type { ExportedFiles } from './export-files'
export { type Budget, type Fit, type FitOptions, type FitResult, fit } from './fit'
export { type GradCam, type GradCamOptions, gradCam } from './grad-cam'
export { type Latency, type LatencyOptions, measureLatency } from './latency'
export { estimateMemory, type MemoryEstimate, type MemoryOptions } from './memory'
export type { Network } from './network'
export { type Pretrained, type PretrainedOptions, pretrained } from './pretrained'
export { PROFILE_NAMES, type Profile, type ProfileName, profileNamed } from './profiles'
export { type Pulled, type PullOptions, pull } from './pull'
export { type Reference, type ReferenceLayer, references } from './references'
export {
  type Coefficients,
  type CompoundOptions,
  compound,
  roundChannels,
  roundRepeats,
  type ScaleOptions,
  scale,
} from './scaling'
export { type Summary, summary } from './summary'
export { type LoadOptions, type LoadReport, loadWeights } from './weights'
