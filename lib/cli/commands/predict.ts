/** `mbconv predict`: predicts the classes of images with a trained model. */
import type { MbconvError } from '../../errors/error'
import { EXIT } from '../../errors/exit-codes'
import type { Prediction } from '../../inference/predict'
import type { CommandDescription, GlobalOptions } from '../command-line/command'
import { DEVICE, IMAGE_OPTIONS, MODEL } from '../command-line/options'
import { wholeNumber } from '../command-line/values'
import * as format from '../view/format'
import { indented, Output } from '../view/output'

export const predictCommand: CommandDescription = {
  name: 'predict',
  summary: 'say what is in images',
  usage: '[options] IMAGE|FOLDER|GLOB|- ...',
  arguments: [
    { name: '[image...]', help: 'image files, folders of them, quoted patterns; - reads an image from stdin' },
  ],
  options: [
    MODEL,
    { flags: '--files-from <file>', help: 'a file with a path a line, in addition; - for stdin' },
    { flags: '--topk <n>', help: 'guesses for each image', parse: wholeNumber, default: 3 },
    { flags: '--batch <n>', help: 'images at once', parse: wholeNumber },
    DEVICE,
    ...IMAGE_OPTIONS,
  ],
  examples: [
    'mbconv predict three.png seven.png --topk 2',
    "mbconv predict photos/ 'more/**/*.webp' --run model.safetensors --json",
    'find . -name "*.jpg" | mbconv predict --files-from - --json',
    'curl -s https://… | mbconv predict -',
  ],
  run,
}

interface PredictOptions extends GlobalOptions {
  run?: string
  filesFrom?: string
  topk: number
  batch?: number
  device?: string
  colorManagement?: boolean
  maxPixels?: number
}

/** @param words images; the first may be the folder of a run, which then is the model, as in `eval RUN` */
async function run(words: string[], options: PredictOptions): Promise<number> {
  const output = new Output(options)
  const { filesFrom, topk, batch: batchSize, device, colorManagement, maxPixels } = options
  const { isModelFolder } = await import('../../inference/open-model.js')
  const { checkImageWords, imagesOf } = await import('../input/images.js')
  const { newestRunOrThrow } = await import('../input/runs.js')
  const first = !options.run && words.length > 0 && isModelFolder(words[0]) ? words[0] : undefined
  const images = { words: first ? words.slice(1) : words, filesFrom, maxPixels }
  checkImageWords(images)
  const model = options.run ?? first ?? newestRunOrThrow()
  if (!options.run && !first) output.note(output.paintNote('dim', `run: ${model}`))

  const { usedCheckpoint } = await import('../input/used-checkpoint.js')
  const used = await usedCheckpoint(model)
  if (used) output.note(output.paintNote('dim', used))
  const { predictEach } = await import('../../inference/predict.js')
  const settings = { topk, colorManagement, maxPixels, ...(batchSize && { batchSize }), ...(device && { device }) }
  let [read, unreadable] = [0, 0]
  const skip = (file: string, { code, message, hint }: MbconvError) => {
    output.data({ file, error: { code, message, hint: hint ?? null } })
    output.note(...indented(`${output.paintNote('yellow', 'skipped:')} ${message}`))
    unreadable++
  }
  for await (const each of predictEach(model, imagesOf(images, skip), settings)) {
    if ('error' in each) skip(each.file, each.error)
    else {
      output.data(each)
      output.result(lineOf(each, output))
      read++
    }
  }
  if (unreadable === 0) return EXIT.ok
  output.warn(`${unreadable} of ${format.counted(read + unreadable, 'image')} could not be read`)
  return EXIT.data
}

function lineOf({ file, predictions }: Prediction, { paint }: Output): string {
  const texts = predictions.map(({ label, probability }, i) =>
    paint(i === 0 ? 'green' : 'dim', `${label} ${format.percent(probability)}`),
  )
  return `${file}: ${texts.join('  ')}`
}
