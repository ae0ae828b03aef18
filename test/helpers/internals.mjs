/**
 * The package's own modules that tests look into, each path once: where a file moves, only this table changes. Whatever
 * the public face has, tests take from there.
 */
import { createRequire } from 'node:module'
import path from 'node:path'

const DIST = path.join(import.meta.dirname, '..', '..', 'dist')

/** Below dist/, by topic. */
export const INTERNALS = {
  imageWords: 'cli/input/images.js',
  runs: 'cli/input/runs.js',
  chart: 'cli/view/chart.js',
  confusion: 'cli/view/confusion.js',
  experimentProgress: 'cli/view/experiment-progress.js',
  format: 'cli/view/format.js',
  output: 'cli/view/output.js',
  progressLine: 'cli/view/progress.js',
  configFile: 'config/file.js',
  trainConfig: 'config/train.js',
  decoderMemory: 'data/images/decoder-memory.js',
  decodingQueue: 'data/images/decoding-queue.js',
  imageFile: 'data/images/image-file.js',
  pixels: 'data/images/pixels.js',
  release: 'data/images/release.js',
  loader: 'data/loader.js',
  datasetKinds: 'data/sources/kinds.js',
  dataStatistics: 'data/sources/statistics.js',
  digits: 'data/sources/digits.js',
  idx: 'data/sources/idx.js',
  scenes: 'data/sources/scenes.js',
  transforms: 'data/transforms.js',
  series: 'drawing/series.js',
  codedErrors: 'errors/coded.js',
  analysis: 'experiment/analysis/analysis.js',
  compare: 'experiment/analysis/compare.js',
  conclusions: 'experiment/analysis/conclusions.js',
  statistics: 'experiment/analysis/statistics.js',
  wording: 'experiment/analysis/wording.js',
  experimentPlan: 'experiment/plan/plan.js',
  experimentSpec: 'experiment/plan/spec.js',
  paper: 'experiment/report/paper.js',
  plotStyle: 'experiment/report/plot-style.js',
  reportTables: 'experiment/report/tables.js',
  writeReport: 'experiment/report/write.js',
  estimate: 'experiment/run/estimate.js',
  slurm: 'experiment/run/slurm.js',
  evolution: 'experiment/search/evolution.js',
  grid: 'experiment/search/grid.js',
  objective: 'experiment/search/objective.js',
  results: 'experiment/store/results.js',
  atomic: 'files/atomic.js',
  download: 'files/download.js',
  folders: 'files/folders.js',
  json: 'files/json.js',
  lock: 'files/lock.js',
  openFile: 'files/open.js',
  web: 'files/web.js',
  inputImage: 'inference/input-image.js',
  openModel: 'inference/open-model.js',
  predict: 'inference/predict.js',
  onnx: 'io/onnx.js',
  safetensors: 'io/safetensors.js',
  archCheck: 'models/arch/check.js',
  blockKinds: 'models/arch/kinds.js',
  blockPlan: 'models/arch/plan.js',
  count: 'models/cost/count.js',
  onnxGraph: 'models/export/onnx-graph.js',
  catalogue: 'models/families/catalogue.js',
  fitBase: 'models/fit/base.js',
  fitLatency: 'models/fit/latency.js',
  blocks: 'models/network/blocks.js',
  keyMap: 'models/weights/key-map.js',
  published: 'models/weights/published.js',
  addon: 'native/addon.js',
  crossEntropyKind: 'optim/criteria/cross-entropy.js',
  criteria: 'optim/criteria/kinds.js',
  optimizerKinds: 'optim/kinds.js',
  schedules: 'optim/schedules/kinds.js',
  optimizerStep: 'optim/step.js',
  eventQueue: 'process/event-queue.js',
  publicFace: 'public-face.js',
  philox: 'random/philox.js',
  tensor: 'tensor/core/tensor.js',
  operatorRefusals: 'tensor/ops/operator-refusals.js',
  schemaKinds: 'schema/kinds.js',
  foreignText: 'text/foreign-text.js',
  nearest: 'text/nearest.js',
  divergence: 'train/divergence.js',
  loop: 'train/loop.js',
  position: 'train/position.js',
  recorderKinds: 'train/record/kinds.js',
  recorder: 'train/record/recorder.js',
  checkpointState: 'train/run/checkpoint-state.js',
  checkpoint: 'train/run/checkpoint.js',
  curves: 'train/run/curves.js',
  runFolder: 'train/run/folder.js',
  metrics: 'train/run/metrics.js',
  initialWeights: 'train/session/initial-weights.js',
  sessionModel: 'train/session/model.js',
  session: 'train/session/session.js',
}

/** The compiled file, for programs that run in a process of their own. */
export function internalPath(topic) {
  if (!Object.hasOwn(INTERNALS, topic))
    throw new Error(`no internal module is called ${topic} (test/helpers/internals.mjs)`)
  return path.join(DIST, INTERNALS[topic])
}

/** What the module exports, loaded by the first call. */
export const internal = (topic) => createRequire(import.meta.url)(internalPath(topic))
