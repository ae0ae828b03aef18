/** `mbconv predict`: what a trained model sees in images. */
import { MbconvError } from '../errors'
import * as format from './format'
import { type GlobalOptions, Output } from './output'
import { isFolder, newestRunOrThrow } from './runs'

export interface PredictOptions extends GlobalOptions {
  run?: string
  topk: number
  device?: string
}

/** @param words images; a folder in the first place is the run, as in `eval RUN` */
export async function predict(words: string[], options: PredictOptions): Promise<number> {
  const output = new Output(options)
  const first = !options.run && words.length > 0 && isFolder(words[0]) ? words[0] : undefined
  const images = first ? words.slice(1) : words
  if (images.length === 0)
    throw new MbconvError('ERR_USAGE', 'no image given', { hint: 'for example: mbconv predict three.png --topk 3' })
  const run = options.run ?? first ?? newestRunOrThrow()

  const { predictImages } = await import('../train/predict.js')
  const predictions = await predictImages(run, images, { topk: options.topk, device: options.device })
  for (const prediction of predictions) output.data(prediction)
  if (!options.run && !first) output.note(output.paintNote('dim', `run: ${run}`))
  const { paint } = output
  for (const { file, predictions: guesses } of predictions) {
    const texts = guesses.map(({ label, probability }, i) =>
      i === 0
        ? paint('green', `${label} ${format.percent(probability)}`)
        : paint('dim', `${label} ${format.percent(probability)}`),
    )
    output.result(`${file}: ${texts.join('  ')}`)
  }
  return 0
}
