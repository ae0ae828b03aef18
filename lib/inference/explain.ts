/** Grad-CAM for image files: where in an image the evidence for a class is. */

import { checkDecoding, DECODE_OPTIONS, type DecodeOptions, encodePng, withImage } from '../data/images/image-file'
import { inputImageShape, readInputImage } from '../data/images/input-image'
import { type Region, regionOf } from '../data/images/placement'
import { heatMapSvg, heatPixels } from '../drawing/heat-map'
import { svgToPng } from '../drawing/png'
import { checkCount, checkOptions, shown } from '../errors/check'
import { MbconvError } from '../errors/error'
import { stageTable } from '../models/cost/count'
import type { ModelCard } from '../models/export/card'
import { gradCam } from '../models/network/grad-cam'
import { fromTypedArray } from '../tensor/core/create'
import { scope } from '../tensor/core/scope'
import { nearest } from '../text/nearest'
import { type ImageSource, inputOf } from './each-image'
import { type OpenModel, openModel } from './open-model'
import { type Guess, guessesOf } from './predict'

/** Default of `colorManagement`: the card's value. */
export interface ExplainOptions extends DecodeOptions {
  /** A class's name, or its index. Default: the most probable one. */
  class?: string | number
  /**
   * The part of the network whose feature map is used: 0 is the stem, 1 the first stage … Default: the last one whose map
   * has at least 4 x 4 cells.
   */
  stage?: number
  /** As in a configuration. Default 'auto'. */
  device?: string
}

/** What an image's class was, and where the network saw it. */
export interface Explanation extends Guess {
  /** The given path, or the name of the bytes. */
  file: string
  /** The stage whose activations were explained: 0 is the stem, 1 the first stage. */
  stage: number
  /** [height, width] of the feature map. */
  heatShape: [number, number]
  /** Row by row, 0 … 1; the maximum is 1. It covers the network's input. */
  heat: Float32Array
  /**
   * The part of the image that the heat covers, as fractions of its width and height. A whole image that is padded is
   * smaller than the input: what lies below 0 and above 1 is padding.
   */
  region: Region
  /** The most probable classes, at most five. */
  predictions: Guess[]
  /** A PNG file: the image and, beside it, the image with the heat map over it. */
  png: Uint8Array
}

/** Longest side of the image in the PNG file, px. */
const LONGEST = 640

/**
 * A heat map (Grad-CAM) of the evidence for a class in an image.
 *
 * @param model as `predictImages` takes it
 * @param image a path, or bytes with a name
 * @throws MbconvError ERR_CHECKPOINT, ERR_DATA, ERR_ENVIRONMENT as `predictImages`; ERR_VALUE for a class that the model
 *   does not know; ERR_INDEX for a stage that it does not have
 */
export async function explainImage(
  model: string,
  image: ImageSource,
  options: ExplainOptions = {},
): Promise<Explanation> {
  const op = 'explainImage'
  checkOptions(op, options, ['class', 'stage', 'device', ...DECODE_OPTIONS])
  const file = typeof image === 'string' ? image : image?.name
  if (typeof file !== 'string')
    throw new MbconvError('ERR_TYPE', `${op}: image must be a path, or { name, bytes }`, { op })
  const { class: named, stage: part, device, ...asked } = options
  checkDecoding(op, asked)
  const opened = openModel(model, device)
  try {
    const { network, card } = opened
    const stage = part ?? telling(card)
    const { colorManagement = card.preprocessing.colorManagement, maxPixels } = asked
    const decoding = { colorManagement, maxPixels }
    inputImageShape(card.preprocessing)
    const wanted = classOf(op, named, card.classes)
    const planes = await readInputImage(image, card.preprocessing, decoding)
    const { classes, heat, heatShape, probabilities } = look(opened, planes, stage, wanted)
    const [index] = classes
    const box = { width: LONGEST, height: LONGEST, fit: 'inside', withoutEnlargement: true } as const
    const [own, photo] = await withImage(image, decoding, async (file) => [file, await file.resized(box)])
    const predictions = guessesOf(probabilities, card.classes, 5)
    const guess = { label: card.classes[index], index, probability: probabilities[index] }
    const [height, width] = heatShape
    const region = regionOf(own, card.preprocessing)
    const svg = heatMapSvg({
      photo: await encodePng(photo),
      heat: await encodePng({ data: heatPixels(heat), width, height, channels: 4 }),
      width: photo.width,
      height: photo.height,
      region,
      ...guess,
      guesses: predictions.slice(0, 4),
      note: `Grad-CAM at part ${stage} of ${network.features.length - 1}, ${width} x ${height}`,
    })
    return { file, ...guess, stage, heatShape, heat, region, predictions, png: await svgToPng(svg) }
  } finally {
    opened.network.dispose()
  }
}

/** The default of {@link ExplainOptions.stage}. */
function telling({ arch, preprocessing: { resolution } }: ModelCard): number {
  const parts = stageTable(arch, { resolution }).slice(0, -1)
  return Math.max(
    0,
    parts.findLastIndex(({ outputShape: [, ...size] }) => Math.min(...size) >= 4),
  )
}

function look(model: OpenModel, planes: Uint8Array, stage: number, wanted: number | undefined) {
  const { images, shape } = inputOf(model, [planes])
  const { task } = model.card
  return scope(() => {
    const x = fromTypedArray(images, shape).to({ device: model.device, memoryFormat: 'channelsLast' })
    const found = gradCam(model.network, x, { stage, size: null, ...(wanted !== undefined && { classes: wanted }) })
    const [, height, width] = found.heat.shape
    const probabilities = task === 'multiLabel' ? found.logits.sigmoid() : found.logits.softmax(-1)
    return {
      classes: found.classes,
      heat: found.heat.toTypedArray() as Float32Array, // waits for the device
      heatShape: [height, width] as [number, number],
      probabilities: probabilities.toTypedArray() as Float32Array,
    }
  })
}

function classOf(op: string, wanted: unknown, classes: readonly string[]): number | undefined {
  if (wanted === undefined) return undefined
  if (typeof wanted === 'number') {
    checkCount(op, 'class', wanted, { min: 0, max: classes.length - 1 })
    return wanted
  }
  const index = classes.indexOf(wanted as string)
  if (index >= 0) return index
  const near = typeof wanted === 'string' ? nearest(wanted, [...classes]) : undefined
  const some = classes.slice(0, 10).join(', ')
  const hint = near ? `did you mean ${near}?` : `there are ${some}${classes.length > 10 ? ' …' : ''}`
  throw new MbconvError('ERR_VALUE', `${op}: the model knows no class ${shown(wanted)}`, { op, hint })
}
