/** `mbconv embed`: computes the embeddings of images with a trained model. */
import type { CommandDescription } from '../command-line/command'
import { IMAGE_RUN_OPTIONS, type ImageRunOptions, imageRun } from '../images/image-run'
import { Output } from '../view/output'

export const embedCommand: CommandDescription = {
  name: 'embed',
  summary: 'turn images into vectors that can be compared',
  usage: '[options] IMAGE|FOLDER|GLOB|- ...',
  arguments: [
    {
      name: '[IMAGE|FOLDER|GLOB|-...]',
      help: 'image files, folders of them, quoted patterns; - reads an image from stdin',
    },
  ],
  options: [
    {
      flags: '--npy <file>',
      help: 'write all vectors as a matrix for NumPy, and print only the paths (default: a line of JSON for each image)',
    },
    ...IMAGE_RUN_OPTIONS,
  ],
  examples: [
    'mbconv embed photos/ --run runs/photos-20260101-120000 > vectors.jsonl',
    'mbconv embed photos/ --run efficientnet_b0.ra_in1k --npy vectors.npy > paths.txt',
  ],
  run,
}

interface EmbedOptions extends ImageRunOptions {
  npy?: string
}

async function run(words: string[], options: EmbedOptions): Promise<number> {
  const output = new Output(options)
  const { model, images, settings, skip, conclude } = await imageRun(words, options, output)
  const { embedEach } = await import('../../inference/embed.js')
  const { NpyWriter } = await import('../../io/npy.js')
  const matrix = options.npy === undefined ? undefined : new NpyWriter(options.npy)
  let read = 0
  try {
    for await (const each of embedEach(model, images, settings)) {
      if ('error' in each) {
        skip(each.file, each.error)
        continue
      }
      const { file, vector } = each
      read++
      if (matrix === undefined) {
        output.data({ file, vector: [...vector] })
        output.result(JSON.stringify({ file, vector: [...vector] }))
      } else {
        matrix.write(vector)
        output.data({ file })
        output.result(file)
      }
    }
    matrix?.close()
  } finally {
    matrix?.discard()
  }
  return conclude(read)
}
