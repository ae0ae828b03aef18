/**
 * samples.json: predictions of an evaluation on some images, each with a small copy of its image.
 *
 *     [{ "file": "cats/3.jpg", "label": "cat", "image": "samples/350-000.png",
 *        "guesses": [{ "label": "dog", "probability": 0.7 }, { "label": "cat", "probability": 0.2 }] }]
 *
 * `label` is the true class. `guesses` begins with the most probable class. `image` is a PNG in the run's folder. Where
 * images have several labels, `labels` are the true ones and `predicted` those that reach their thresholds, in place of
 * `label`.
 */
import { existsSync } from 'node:fs'
import { basename, join } from 'node:path'
import { z } from 'zod'
import { MbconvError } from '../../errors/error'
import { removeAll, writeFileAtomic } from '../../files/atomic'
import { listFolder, makeFolder } from '../../files/folders'
import { readableJson } from '../../files/json'
import { readText } from '../../files/open'
import { RUN_FILES } from './folder'

/** More would only make the page slow. */
export const MOST_SAMPLES = 200

/** Bytes of the file. 200 samples with long names need less. */
const LARGEST = 2 ** 20

const guess = z.object({ label: z.string(), probability: z.number().min(0).max(1) })

const shared = {
  /** Name of the image, as the data set has it. */
  file: z.string(),
  /** The most probable classes, the most probable first. */
  guesses: z.array(guess).min(1),
  /** The small copy, relative to the run's folder. */
  image: z.string().regex(/^samples\/[\w-]{1,64}\.png$/, 'must be samples/NAME.png'),
}

const sample = z.union([
  z.object({ ...shared, /** The true class. */ label: z.string() }),
  z.object({ ...shared, labels: z.array(z.string()), predicted: z.array(z.string()) }),
])

export type Sample = z.output<typeof sample>

const samplesFile = z.array(sample).max(MOST_SAMPLES)

/** A sample to be written, with its image as PNG. */
export type NewSample = WithPng<Sample>
type WithPng<S> = S extends unknown ? Omit<S, 'image'> & { png: Uint8Array } : never

/**
 * Writes the samples of an evaluation and their images. They replace those of an earlier one, whose images stay until the
 * list no longer names them.
 *
 * @param step of the evaluation; part of the images' names
 * @throws MbconvError ERR_IO; ERR_VALUE for more than {@link MOST_SAMPLES}
 */
export function writeSamples(runDir: string, step: number, samples: readonly NewSample[]): void {
  if (samples.length > MOST_SAMPLES) {
    throw new MbconvError('ERR_VALUE', `writeSamples: ${samples.length} samples, more than ${MOST_SAMPLES}`)
  }
  const folder = join(runDir, 'samples')
  makeFolder(folder)
  const entries = samples.map(({ png, ...entry }, i): Sample => {
    const image = `samples/${step}-${String(i).padStart(3, '0')}.png`
    writeFileAtomic(join(runDir, image), png)
    return { ...entry, image }
  })
  writeFileAtomic(join(runDir, RUN_FILES.samples), readableJson(entries))
  const current = new Set(entries.map(({ image }) => basename(image)))
  for (const { name } of listFolder(folder)) if (!current.has(name)) removeAll(join(folder, name))
}

/**
 * The samples of a run's latest evaluation; undefined if it has none.
 *
 * @throws MbconvError ERR_DATA if the file is not as described above; ERR_IO
 */
export function readSamples(runDir: string): Sample[] | undefined {
  const path = join(runDir, RUN_FILES.samples)
  if (!existsSync(path)) return undefined
  try {
    return samplesFile.parse(JSON.parse(readText(path, { op: 'readSamples', most: LARGEST })))
  } catch (error) {
    if (error instanceof MbconvError) throw error
    const why = error instanceof z.ZodError ? z.prettifyError(error) : (error as Error).message
    throw new MbconvError('ERR_DATA', `${path}: not the samples of an evaluation: ${why}`, { cause: error })
  }
}

/** What decides whether a sample is right. */
export type Judged = { label: string; guesses: { label: string }[] } | { labels: string[]; predicted: string[] }

/** Whether the most probable class is the true one, or the predicted labels are exactly the true ones. */
export function isRight(sample: Judged): boolean {
  if ('label' in sample) return sample.guesses[0].label === sample.label
  const { labels, predicted } = sample
  return labels.length === predicted.length && labels.every((label) => predicted.includes(label))
}

/** Wrong predictions first, the most confident ones at the top; then the right ones, the least confident at the top. */
export function wrongFirst<S extends Judged & { guesses: Sample['guesses'] }>(samples: readonly S[]): S[] {
  const rank = (each: S) => (isRight(each) ? 1 : -1) * each.guesses[0].probability
  return [...samples].sort((a, b) => Number(isRight(a)) - Number(isRight(b)) || rank(a) - rank(b))
}
