/** `mbconv explain`: a picture of what in an image speaks for a class. */
import path from 'node:path'
import { MbconvError } from '../../errors/error'
import { EXIT } from '../../errors/exit-codes'
import { writeFileAtomic } from '../../files/atomic'
import { newestRunOrThrow } from '../input/runs'
import { stdinImage } from '../input/stdin-image'
import * as format from '../view/format'
import { type GlobalOptions, Output } from '../view/output'

export interface ExplainOptions extends GlobalOptions {
  run?: string
  class?: string
  stage?: number
  out?: string
  device?: string
  colorManagement?: boolean
  maxPixels?: number
}

export async function explain(image: string, options: ExplainOptions): Promise<number> {
  const output = new Output(options)
  const run = options.run ?? newestRunOrThrow()
  if (!options.run) output.note(output.paintNote('dim', `run: ${run}`))
  const { explainImage } = await import('../../inference/explain.js')
  const { stage, device, colorManagement, maxPixels } = options
  const source = image === '-' ? await stdinImage({ maxPixels }) : image
  const wanted = {
    colorManagement,
    maxPixels,
    ...(options.class !== undefined && { class: options.class }),
    ...(device && { device }),
  }
  let found: Awaited<ReturnType<typeof explainImage>>
  try {
    found = await explainImage(run, source, { ...wanted, ...(stage !== undefined && { stage }) })
  } catch (error) {
    // A class or stage was typed that this model does not have; the library cannot know that.
    if (error instanceof MbconvError && (error.code === 'ERR_VALUE' || error.code === 'ERR_INDEX'))
      throw new MbconvError('ERR_USAGE', error.message, { hint: error.hint, cause: error })
    throw error
  }
  const out = options.out ?? `${image === '-' ? 'stdin' : path.parse(image).name}-explained.png`
  writeFileAtomic(out, found.png)
  const { png: _, heat, heatShape, ...rest } = found
  const rows = Array.from({ length: heatShape[0] }, (_, y) => [...heat.slice(y * heatShape[1], (y + 1) * heatShape[1])])
  output.data({ ...rest, heatShape, heat: rows, out })
  output.result(
    `${image}: ${output.paint('green', `${found.label} ${format.percent(found.probability)}`)}`,
    `picture: ${out}`,
  )
  return EXIT.ok
}
