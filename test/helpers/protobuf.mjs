/** As much of protobuf as reading ONNX files back needs, written apart from what writes them. */

/**
 * The fields of a message: by number, a list of what stands there: a number (varint), 4 or 8 bytes (fixed), or bytes.
 *
 * @param {Buffer} bytes
 * @returns {Map<number, (number | Buffer)[]>}
 */
export function fields(bytes) {
  const found = new Map()
  let at = 0
  const varint = () => {
    let [value, factor] = [0n, 1n]
    for (;;) {
      const byte = bytes[at++]
      if (byte === undefined) throw new Error('ends in a varint')
      value += BigInt(byte & 127) * factor
      if (byte < 128) return Number(value)
      factor *= 128n
    }
  }
  const take = (length) => {
    if (at + length > bytes.length) throw new Error(`${length} bytes at ${at} of ${bytes.length}`)
    at += length
    return bytes.subarray(at - length, at)
  }
  while (at < bytes.length) {
    const key = varint()
    const [number, kind] = [Math.floor(key / 8), key % 8]
    const value = { 0: varint, 1: () => take(8), 2: () => take(varint()), 5: () => take(4) }[kind]?.()
    if (value === undefined) throw new Error(`kind ${kind} of field ${number}`)
    found.set(number, [...(found.get(number) ?? []), value])
  }
  return found
}

const one = (message, number) => message.get(number)?.[0]
const text = (message, number) => one(message, number)?.toString('utf8')
const each = (message, number) => (message.get(number) ?? []).map((bytes) => fields(bytes))

function typedValue(message) {
  const tensor = fields(one(fields(one(message, 2)), 1))
  const shape = each(fields(one(tensor, 2)), 1).map((size) => one(size, 1) ?? text(size, 2))
  return { name: text(message, 1), type: one(tensor, 1), shape }
}

function attributeOf(message) {
  const kind = one(message, 20)
  const value = { 1: () => one(message, 2).readFloatLE(), 2: () => one(message, 3), 7: () => message.get(8) }[kind]()
  return [text(message, 1), value]
}

/** An ONNX file as plain data. Tensors' numbers are float32. */
export function onnxModel(bytes) {
  const model = fields(bytes)
  const graph = fields(one(model, 7))
  return {
    irVersion: one(model, 1),
    producer: [text(model, 2), text(model, 3)],
    description: text(model, 6),
    opsets: each(model, 8).map((set) => [text(set, 1), one(set, 2)]),
    metadata: Object.fromEntries(each(model, 14).map((entry) => [text(entry, 1), text(entry, 2)])),
    name: text(graph, 2),
    nodes: each(graph, 1).map((node) => ({
      name: text(node, 3),
      operator: text(node, 4),
      inputs: (node.get(1) ?? []).map(String),
      outputs: (node.get(2) ?? []).map(String),
      attributes: Object.fromEntries(each(node, 5).map(attributeOf)),
    })),
    tensors: each(graph, 5).map((tensor) => {
      const raw = one(tensor, 9)
      return {
        name: text(tensor, 8),
        type: one(tensor, 2),
        shape: tensor.get(1) ?? [],
        values: new Float32Array(raw.buffer.slice(raw.byteOffset, raw.byteOffset + raw.byteLength)),
      }
    }),
    inputs: each(graph, 11).map(typedValue),
    outputs: each(graph, 12).map(typedValue),
  }
}
