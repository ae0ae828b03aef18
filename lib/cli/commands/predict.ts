/** `mbconv predict`: what a trained model sees in images. */
import type { MbconvError } from '../../errors/error'
import { EXIT } from '../../errors/exit-codes'
import type { Prediction } from '../../inference/predict'
import { checkImageWords, imagesOf } from '../input/images'
import { newestRunOrThrow } from '../input/runs'
import * as format from '../view/format'
import { type GlobalOptions, indented, Output } from '../view/output'

export interface PredictOptions extends GlobalOptions {
  run?: string
  filesFrom?: string
  topk: number
  batch?: number
  device?: string
  colorManagement?: boolean
  maxPixels?: number
}

/** @param words images; the folder of a run in the first place is the model, as in `eval RUN` */
export async function predict(words: string[], options: PredictOptions): Promise<number> {
  const output = new Output(options)
  const { filesFrom, topk, batch: batchSize, device, colorManagement, maxPixels } = options
  const { isModelFolder } = await import('../../inference/open-model.js')
  const first = !options.run && words.length > 0 && isModelFolder(words[0]) ? words[0] : undefined
  const images = { words: first ? words.slice(1) : words, filesFrom, maxPixels }
  checkImageWords(images)
  const run = options.run ?? first ?? newestRunOrThrow()
  if (!options.run && !first) output.note(output.paintNote('dim', `run: ${run}`))

  const { predictEach } = await import('../../inference/predict.js')
  const settings = { topk, colorManagement, maxPixels, ...(batchSize && { batchSize }), ...(device && { device }) }
  let [read, unreadable] = [0, 0]
  const skip = (file: string, { code, message, hint }: MbconvError) => {
    output.data({ file, error: { code, message, hint: hint ?? null } })
    output.note(...indented(`${output.paintNote('yellow', 'skipped:')} ${message}`))
    unreadable++
  }
  for await (const each of predictEach(run, imagesOf(images, skip), settings)) {
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
