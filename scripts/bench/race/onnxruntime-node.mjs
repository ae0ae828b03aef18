// A contestant: onnxruntime in Node, with the file that mbconv exports.
import { createRequire } from 'node:module'
import { loadOnnxruntime } from '../onnxruntime/load.mjs'
import { answer, imagesOf, peakMemory, specOf } from './answering.mjs'

const spec = specOf()
const { ort, reason } = await loadOnnxruntime()
if (ort === undefined) throw new Error(reason)
const base = peakMemory()
const { version } = createRequire(new URL('../onnxruntime/package.json', import.meta.url))(
  'onnxruntime-node/package.json',
)
const session = await ort.InferenceSession.create(spec.files.onnx, {
  intraOpNumThreads: spec.threads,
  interOpNumThreads: 1,
  freeDimensionOverrides: { batch: spec.batch },
})
const input = new ort.Tensor('float32', imagesOf(spec), [spec.batch, 3, spec.size, spec.size])
const predict = async () => (await session.run({ input })).logits.data
await answer({ base, logits: await predict(), versions: { 'onnxruntime-node': version } }, predict)
