// A contestant: TensorFlow.js on WebAssembly, which runs the nodes of the file that mbconv exports. In Node it has one
// thread: its backend starts others in browsers only.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname } from 'node:path'
import { onnxModel } from '../../../test/helpers/protobuf.mjs'
import { answer, imagesOf, peakMemory, specOf } from './answering.mjs'

const spec = specOf()
const require = createRequire(new URL('../tfjs/package.json', import.meta.url))
const tf = require('@tensorflow/tfjs-core')
const wasm = require('@tensorflow/tfjs-backend-wasm')
wasm.setWasmPaths(`${dirname(require.resolve('@tensorflow/tfjs-backend-wasm'))}/`)
if (!(await tf.setBackend('wasm'))) throw new Error('its backend for WebAssembly cannot be started')
await tf.ready()
const base = peakMemory()

const { nodes, tensors } = onnxModel(readFileSync(spec.files.onnx))
const constants = new Map(tensors.map(({ name, shape, values }) => [name, tf.tensor(values, shape)]))
const numberOf = (name) => constants.get(name).dataSync()[0]

/** ONNX has weights as [out, in, height, width], tfjs as [height, width, in, out], or [height, width, out, 1] if depthwise. */
const weightsOf = (name, isDepthwise) => tf.transpose(constants.get(name), isDepthwise ? [2, 3, 0, 1] : [2, 3, 1, 0])

const paddingOf = ([top, left, bottom, right]) => [
  [0, 0],
  [top, bottom],
  [left, right],
  [0, 0],
]
const hardSigmoid = (x) => tf.clipByValue(tf.add(tf.mul(x, tf.scalar(1 / 6)), tf.scalar(0.5)), 0, 1)

/** For each operator a function that prepares a node; what it returns computes it. Images are [batch, height, width, channels]. */
const OPERATORS = {
  Conv({ inputs: [, weights, bias], attributes: { group, strides, pads } }) {
    const isDepthwise = group > 1
    const options = {
      filter: weightsOf(weights, isDepthwise),
      strides,
      pad: paddingOf(pads),
      bias: constants.get(bias),
    }
    const operation = isDepthwise ? tf.fused.depthwiseConv2d : tf.fused.conv2d
    return (x) => operation({ x, ...options })
  },
  Gemm({ inputs: [, weights, bias] }) {
    // Turned once: with transposeB, the backend's product of long rows is wrong (4.22.0, ResNet-50's 2,048 features).
    const operands = { b: tf.transpose(constants.get(weights)), bias: constants.get(bias) }
    return (x) => tf.fused.matMul({ a: x, ...operands })
  },
  MaxPool:
    ({ attributes: { kernel_shape: size, strides, pads } }) =>
    (x) =>
      tf.maxPool(x, size, strides, paddingOf(pads)),
  Clip({ inputs: [, low, high] }) {
    const limits = [numberOf(low), numberOf(high)]
    return (x) => tf.clipByValue(x, ...limits)
  },
  Relu: () => tf.relu,
  Sigmoid: () => tf.sigmoid,
  HardSigmoid: () => hardSigmoid,
  HardSwish: () => (x) => tf.mul(x, hardSigmoid(x)),
  Mul: () => tf.mul,
  Add: () => tf.add,
  GlobalAveragePool: () => (x) => tf.mean(x, [1, 2], true),
  Flatten: () => (x) => tf.reshape(x, [x.shape[0], -1]),
}

const steps = nodes.map((node) => {
  if (OPERATORS[node.operator] === undefined) throw new Error(`${node.operator} has no counterpart here`)
  const values = node.inputs.filter((name) => !constants.has(name))
  return { compute: OPERATORS[node.operator](node), values, output: node.outputs[0] }
})

const { batch, size } = spec
const images = tf.tidy(() => tf.transpose(tf.tensor(imagesOf(spec), [batch, 3, size, size]), [0, 2, 3, 1]))
const predict = () => {
  const logits = tf.tidy(() => {
    const found = new Map([['input', images]])
    for (const { compute, values, output } of steps)
      found.set(output, compute(...values.map((name) => found.get(name))))
    return found.get('logits')
  })
  const numbers = logits.dataSync()
  logits.dispose()
  return numbers
}
await answer({ base, logits: predict(), versions: { tfjs: tf.version_core } }, predict)
