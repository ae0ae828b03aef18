/**
 * Networks in ONNX files: a graph of operators, and the numbers they use.
 *
 * Field numbers are those of https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3; operators are looked up in
 * https://onnx.ai/onnx/operators.
 */
import { MbconvError } from '../../errors/error'
import { writeFileAtomic } from '../../files/atomic'
import { Message } from './protobuf'

/** The format version that came with opset 17. Every later reader accepts it. */
const IR_VERSION = 8

/** Largest size of one message: https://protobuf.dev/programming-guides/encoding/#size-limit */
const MAX_BYTES = 2 ** 31 - 1

/** TensorProto.DataType. */
const DATA_TYPES = { float32: 1, uint8: 2 } as const
type DataType = keyof typeof DATA_TYPES

/** AttributeProto.AttributeType. */
const FLOAT = 1
const INT = 2
const INTS = 7

/** A number is an ONNX integer, `{ float }` a floating-point number, a list holds integers. None is negative. */
export type Attribute = number | { float: number } | readonly number[]

export interface OnnxNode {
  /** Unique in the graph. */
  name: string
  operator: string
  inputs: readonly string[]
  output: string
  attributes?: Readonly<Record<string, Attribute>>
}

/** A constant tensor of the graph, float32. */
export interface OnnxTensor {
  name: string
  shape: readonly number[]
  /** Called once, when the tensor is written. Returns one number for each element. */
  values: () => Float32Array
}

/** An input or an output. */
export interface OnnxValue {
  name: string
  type: DataType
  /** A name stands for a size that is known only when the graph runs. */
  shape: readonly (number | string)[]
}

export interface OnnxModel {
  opset: number
  producer: { name: string; version: string }
  /** A text for people. */
  description: string
  metadata: Readonly<Record<string, string>>
  name: string
  /** In an order in which they can be computed. */
  nodes: readonly OnnxNode[]
  tensors: readonly OnnxTensor[]
  input: OnnxValue
  output: OnnxValue
}

function attributeMessage([name, value]: [string, Attribute]): Message {
  const message = new Message().text(1, name)
  if (typeof value === 'number') return message.int(3, value).int(20, INT)
  if ('float' in value) return message.float(2, value.float).int(20, FLOAT)
  return message.ints(8, value).int(20, INTS)
}

function nodeMessage({ name, operator, inputs, output, attributes = {} }: OnnxNode): Message {
  const message = new Message()
  for (const input of inputs) message.text(1, input)
  return message
    .text(2, output)
    .text(3, name)
    .text(4, operator)
    .messages(5, Object.entries(attributes).map(attributeMessage))
}

function tensorMessage({ name, shape, values }: OnnxTensor): Message {
  const bytes = 4 * shape.reduce((product, size) => product * size, 1)
  const make = () => {
    const numbers = values()
    return new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength)
  }
  return new Message().ints(1, shape).int(2, DATA_TYPES.float32).text(8, name).late(9, bytes, make)
}

function valueMessage({ name, type, shape }: OnnxValue): Message {
  const dimensions = new Message()
  for (const size of shape) {
    dimensions.message(1, typeof size === 'number' ? new Message().int(1, size) : new Message().text(2, size))
  }
  const tensorType = new Message().int(1, DATA_TYPES[type]).message(2, dimensions)
  return new Message().text(1, name).message(2, new Message().message(1, tensorType))
}

function modelMessage(model: OnnxModel): Message {
  const graph = new Message()
    .messages(1, model.nodes.map(nodeMessage))
    .text(2, model.name)
    .messages(5, model.tensors.map(tensorMessage))
    .message(11, valueMessage(model.input))
    .message(12, valueMessage(model.output))
  return new Message()
    .int(1, IR_VERSION)
    .text(2, model.producer.name)
    .text(3, model.producer.version)
    .text(6, model.description)
    .message(7, graph)
    .message(8, new Message().text(1, '').int(2, model.opset))
    .messages(
      14,
      Object.entries(model.metadata).map(([name, value]) => new Message().text(1, name).text(2, value)),
    )
}

/**
 * Writes a model. `path` holds either its old content or all of the new, whatever happens. At most one tensor is in
 * memory twice.
 *
 * @returns bytes written
 * @throws MbconvError ERR_VALUE for a model of more than 2 GiB, which no ONNX file can hold; ERR_IO
 */
export function writeOnnx(path: string, model: OnnxModel): number {
  const message = modelMessage(model)
  if (message.length > MAX_BYTES) {
    const size = (message.length / 2 ** 30).toFixed(2)
    throw new MbconvError('ERR_VALUE', `${path}: the file would have ${size} GiB, an ONNX file has less than 2`, {
      op: 'exportOnnx',
      hint: 'Write the weights as safetensors, or scale the network down.',
    })
  }
  writeFileAtomic(path, message.encode())
  return message.length
}

/**
 * An ONNX file whose graph has one output more: a matrix of float32 that one of its nodes computes. A message may come in
 * several parts, which readers join (https://protobuf.dev/programming-guides/encoding/#last-one-wins), so the output is
 * written behind the file.
 */
export function withOutput(file: Uint8Array, name: string): Uint8Array {
  const output = valueMessage({ name, type: 'float32', shape: [`${name}.0`, `${name}.1`] })
  const part = new Message().message(7, new Message().message(12, output))
  return Buffer.concat([file, ...part.encode()])
}
