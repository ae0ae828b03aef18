/** `mbconv predict`: predicts the classes of images with a trained model. */
import type { Guess, Prediction } from '../../inference/predict'
import type { CommandDescription } from '../command-line/command'
import { number, wholeNumber } from '../command-line/values'
import { IMAGE_RUN_OPTIONS, type ImageRunOptions, imageRun } from '../images/image-run'
import * as format from '../view/format'
import { Output } from '../view/output'

export const predictCommand: CommandDescription = {
  name: 'predict',
  summary: 'say what is in images',
  usage: '[options] IMAGE|FOLDER|GLOB|- ...',
  arguments: [
    {
      name: '[IMAGE|FOLDER|GLOB|-...]',
      help: 'image files, folders of them, quoted patterns; - reads an image from stdin',
    },
  ],
  options: [
    {
      flags: '--topk <n>',
      help: 'guesses for each image (default: 3; with several labels an image, none besides its labels)',
      parse: wholeNumber,
    },
    {
      flags: '--reject <rate>',
      help: "call an image unknown if its confidence is below this quantile of the evaluated images', 0 to 1: 0.05 also rejects about 5 % of known images",
      parse: number,
    },
    ...IMAGE_RUN_OPTIONS,
  ],
  examples: [
    'mbconv predict three.png seven.png --topk 2',
    "mbconv predict photos/ 'more/**/*.webp' --run model.safetensors --json",
    'find . -name "*.jpg" | mbconv predict --files-from - --json',
    'curl -s https://… | mbconv predict -',
  ],
  run,
}

interface PredictOptions extends ImageRunOptions {
  topk?: number
  reject?: number
}

async function run(words: string[], options: PredictOptions): Promise<number> {
  const output = new Output(options)
  const { topk, reject } = options
  const { model, images, settings, skip, conclude } = await imageRun(words, options, output)
  const { predictEach } = await import('../../inference/predict.js')
  let read = 0
  for await (const each of predictEach(model, images, {
    ...settings,
    ...(reject !== undefined && { reject }),
    topk: topk ?? 3,
  })) {
    if ('error' in each) skip(each.file, each.error)
    else {
      output.data(each)
      output.result(lineOf(each, output, topk !== undefined))
      read++
    }
  }
  return conclude(read)
}

/** @param hasGuesses whether guesses are shown besides the labels of an image */
function lineOf(
  { file, predictions, labels, isKnown = true }: Prediction,
  { paint }: Output,
  hasGuesses: boolean,
): string {
  const textOf = ({ label, probability }: Guess) => `${label} ${format.percent(probability)}`
  if (labels !== undefined) {
    const found = labels.length === 0 ? 'none' : labels.map((label) => paint('green', textOf(label))).join('  ')
    const guesses = hasGuesses ? `; most probable: ${paint('dim', predictions.map(textOf).join('  '))}` : ''
    return `${file}: ${found}${guesses}`
  }
  const texts = predictions.map((guess, i) => paint(i === 0 ? 'green' : 'dim', textOf(guess)))
  return `${file}: ${isKnown ? '' : `${paint('yellow', 'unknown')}, nearest: `}${texts.join('  ')}`
}
