/** Models for predictors: a small network whose answers differ from image to image, in files, and images for it. */
import { join } from 'node:path'
import * as mb from 'mbconv'
import { small } from './lively.mjs'

/** Whether sharp is there, which is optional; it makes the images. */
export const sharp = await import('sharp').then(
  ({ default: found }) => found,
  () => undefined,
)

/** PNG files of photographs' shapes: edges and slopes of each its own colour. */
export const pictureFiles = (count, { width = 61, height = 47 } = {}) =>
  Promise.all(
    Array.from({ length: count }, (_, n) => {
      const data = new Uint8Array(3 * width * height)
      for (let i = 0; i < data.length; i++) data[i] = 127 + 120 * Math.sin(((n + 2) * i) / 700 + (i % 3) * n)
      return sharp(data, { raw: { width, height, channels: 3 } })
        .png()
        .toBuffer()
    }),
  )

/**
 * Writes `NAME.safetensors`, `NAME.onnx` and the card that is for both.
 *
 * @param card options of `makeCard`
 * @returns the two paths
 */
export function writeModel(folder, name, card = {}, { pixels = false, ...options } = {}) {
  const network = small('efficientnet_b0', { resolution: 32, ...options })
  const made = mb.models.makeCard(network, card)
  const [safetensors, onnx] = ['safetensors', 'onnx'].map((ending) => join(folder, `${name}.${ending}`))
  mb.io.safetensors.write(safetensors, network.stateDict(), { 'mbconv.card': JSON.stringify(made) })
  mb.models.exportOnnx(network, onnx, { card: made, pixels })
  network.dispose()
  return { safetensors, onnx }
}

/** The largest difference between the probabilities of two lists of predictions, class by class. */
export function apart(some, others) {
  const rowOf = ({ predictions }) => predictions.toSorted((a, b) => a.index - b.index)
  if (some.length !== others.length) return Number.POSITIVE_INFINITY
  const differences = some.flatMap((each, i) => {
    const [one, other] = [rowOf(each), rowOf(others[i])]
    return one.map(({ index, probability }, j) =>
      other[j]?.index === index ? Math.abs(probability - other[j].probability) : Number.POSITIVE_INFINITY,
    )
  })
  return Math.max(...differences)
}
