/** `mbconv explain`: draws where in an image the evidence for a class is. */
import path from 'node:path'
import { EXIT } from '../../errors/exit-codes'
import type { CommandDescription, GlobalOptions } from '../command-line/command'
import { DEVICE, IMAGE_OPTIONS, MODEL } from '../command-line/options'
import { index } from '../command-line/values'
import * as format from '../view/format'
import { Output } from '../view/output'

export const explainCommand: CommandDescription = {
  name: 'explain',
  summary: 'show where in an image a class is seen, as a heat-map laid over it (PNG)',
  arguments: [{ name: '<image>', help: 'an image file; - for stdin' }],
  options: [
    MODEL,
    { flags: '--class <name>', help: 'the class to look for (default: the most probable one)' },
    {
      flags: '--stage <n>',
      help: 'part of the network that is looked at, 0: the stem (default: the last with a map of 4 x 4 or more)',
      parse: index,
    },
    { flags: '--out <file>', help: 'where to write the picture (default: IMAGE-explained.png, here)' },
    DEVICE,
    ...IMAGE_OPTIONS,
  ],
  examples: ['mbconv explain three.png', 'mbconv explain cat.jpg --class dog --stage 6 --out dog.png'],
  run,
}

interface ExplainOptions extends GlobalOptions {
  run?: string
  class?: string
  stage?: number
  out?: string
  device?: string
  colorManagement?: boolean
  maxPixels?: number
}

async function run(image: string, options: ExplainOptions): Promise<number> {
  const output = new Output(options)
  const { asUsageErrors } = await import('../command-line/usage-error.js')
  const { newestRunOrThrow } = await import('../input/runs.js')
  const model = options.run ?? newestRunOrThrow()
  if (!options.run) output.note(output.paintNote('dim', `run: ${model}`))
  const { usedCheckpoint } = await import('../input/used-checkpoint.js')
  const used = await usedCheckpoint(model)
  if (used) output.note(output.paintNote('dim', used))
  const { explainImage } = await import('../../inference/explain.js')
  const { stdinImage } = await import('../images/stdin-image.js')
  const { writeFileAtomic } = await import('../../files/atomic.js')
  const { stage, device, colorManagement, maxPixels } = options
  const source = image === '-' ? await stdinImage({ maxPixels }) : image
  const wanted = {
    colorManagement,
    maxPixels,
    ...(options.class !== undefined && { class: options.class }),
    ...(device && { device }),
    ...(stage !== undefined && { stage }),
  }
  // A class or a stage that this model does not have is a usage error.
  const found = await asUsageErrors(['ERR_VALUE', 'ERR_INDEX'], () => explainImage(model, source, wanted))
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
