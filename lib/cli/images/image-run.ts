/** What commands that run a model over images have in common: the model, the images, and those that cannot be read. */

import type { Views } from '../../data/images/views'
import type { MbconvError } from '../../errors/error'
import { EXIT } from '../../errors/exit-codes'
import type { EachImageOptions, ImageSource } from '../../inference/each-image'
import type { GlobalOptions, OptionDescription } from '../command-line/command'
import { DEVICE, IMAGE_OPTIONS, MODEL, VIEWS_OPTION } from '../command-line/options'
import { wholeNumber } from '../command-line/values'
import * as format from '../view/format'
import { indented, type Output } from '../view/output'

/** The options of such a command. */
export const IMAGE_RUN_OPTIONS: readonly OptionDescription[] = [
  MODEL,
  { flags: '--files-from <file>', help: 'a file with a path a line, in addition; - for stdin' },
  { flags: '--batch <n>', help: 'images at once', parse: wholeNumber },
  VIEWS_OPTION,
  DEVICE,
  ...IMAGE_OPTIONS,
]

export interface ImageRunOptions extends GlobalOptions {
  run?: string
  filesFrom?: string
  batch?: number
  device?: string
  views?: Views
  colorManagement?: boolean
  maxPixels?: number
}

export interface ImageRun {
  /** As `openModel` takes it. */
  model: string
  images: AsyncIterable<ImageSource>
  /** For the library's function. */
  settings: EachImageOptions
  /** Reports an image that cannot be read. */
  skip: (file: string, error: MbconvError) => void
  /** The exit status, after a warning if images were skipped. */
  conclude: (read: number) => number
}

/** @param words images; the first may be the folder of a run, which then is the model, as in `eval RUN` */
export async function imageRun(words: string[], options: ImageRunOptions, output: Output): Promise<ImageRun> {
  const { filesFrom, batch: batchSize, device, views, colorManagement, maxPixels } = options
  const { isModelFolder } = await import('../../inference/open-model.js')
  const { checkImageWords, imagesOf } = await import('./images.js')
  const { newestRunOrThrow } = await import('../input/runs.js')
  const first = !options.run && words.length > 0 && isModelFolder(words[0]) ? words[0] : undefined
  const given = { words: first ? words.slice(1) : words, filesFrom, maxPixels }
  checkImageWords(given)
  const model = options.run ?? first ?? newestRunOrThrow()
  if (!options.run && !first) output.note(output.paintNote('dim', `run: ${model}`))
  const { usedCheckpoint } = await import('../input/used-checkpoint.js')
  const used = await usedCheckpoint(model)
  if (used) output.note(output.paintNote('dim', used))
  let unreadable = 0
  const skip = (file: string, { code, message, hint }: MbconvError) => {
    output.data({ file, error: { code, message, hint: hint ?? null } })
    output.note(...indented(`${output.paintNote('yellow', 'skipped:')} ${message}`))
    unreadable++
  }
  return {
    model,
    images: imagesOf(given, skip),
    settings: {
      ...{ colorManagement, maxPixels, ...(batchSize && { batchSize }) },
      ...(device && { device }),
      ...(views && { views }),
    },
    skip,
    conclude(read) {
      if (unreadable === 0) return EXIT.ok
      output.warn(`${unreadable} of ${format.counted(read + unreadable, 'image')} could not be read`)
      return EXIT.data
    },
  }
}
