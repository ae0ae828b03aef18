/** The order in which an epoch takes the images of a data set. It depends only on (seed, epoch). */
import { MbconvError } from '../../errors/error'
import { KeyedRandom, PURPOSE } from '../../random/philox'
import type { Seed } from '../../random/seed'

/**
 * - 'shuffle': every image once, in a new order each epoch.
 * - 'balanced': as many draws as there are images, the same number from every class that has images. Images of a rare
 * class come several times, those of a frequent class not in every epoch.
 * - 'none': the data set's own order.
 */
export type Sampler = 'shuffle' | 'balanced' | 'none'

export const SAMPLERS = ['shuffle', 'balanced'] as const

/** The most times that an image comes in an epoch with repeated augmentation. */
export const MOST_REPEATS = 100

interface Classified {
  length: number
  labels: Int32Array
}

/**
 * Positions in the data set, as many as it has images.
 *
 * @param repeats how often an image of the epoch comes. From 2 on, this is repeated augmentation (Hoffer et al.,
 *   arXiv:1901.09335): the epoch has the first images of the sampler's order, each so often in a row, and the others come
 *   in other epochs. The order is that of timm's RepeatAugSampler and DeiT's RASampler in one process.
 */
export function epochOrder(given: Classified, sampler: Sampler, seed: Seed, epoch: number, repeats = 1): Int32Array {
  const order = singleOrder(given, sampler, seed, epoch)
  return repeats === 1 ? order : order.map((_, place) => order[Math.floor(place / repeats)])
}

function singleOrder({ length, labels }: Classified, sampler: Sampler, seed: Seed, epoch: number): Int32Array {
  if (sampler === 'none') return Int32Array.from({ length }, (_, i) => i)
  const random = new KeyedRandom(seed, PURPOSE.shuffle, epoch)
  const order = random.permutation(length)
  if (sampler === 'shuffle') return order
  const drawn = balancedDraws(labels, seed, epoch)
  return order.map((place) => drawn[place])
}

/** One draw for each label, class by class. */
function balancedDraws(labels: Int32Array, seed: Seed, epoch: number): Int32Array {
  const members = membersOf(labels)
  const classes = [...members.keys()].sort((a, b) => a - b)
  const drawn = new Int32Array(labels.length)
  let filled = 0
  for (const [rank, label] of classes.entries()) {
    const images = members.get(label) as number[]
    // The draws that do not divide evenly go to other classes in each epoch.
    const extra = (rank + epoch) % classes.length < labels.length % classes.length ? 1 : 0
    const draws = Math.floor(labels.length / classes.length) + extra
    const random = new KeyedRandom(seed, PURPOSE.balance, epoch, label)
    for (let done = 0; done < draws; ) {
      // Every image of the class comes once before one comes again.
      const order = random.permutation(images.length)
      for (let i = 0; i < images.length && done < draws; i++, done++) drawn[filled++] = images[order[i]]
    }
  }
  return drawn
}

function membersOf(labels: Int32Array): Map<number, number[]> {
  const members = new Map<number, number[]>()
  for (let i = 0; i < labels.length; i++) {
    const images = members.get(labels[i])
    if (images === undefined) members.set(labels[i], [i])
    else images.push(i)
  }
  return members
}

/**
 * The sample numbers of an order: an image's own position, and another number each time that it comes again. An order
 * that draws an image several times then varies it in several ways.
 */
export function sampleNumbers(order: Int32Array, length: number): Uint32Array {
  const times = new Uint32Array(length)
  return Uint32Array.from(order, (index) => index + length * times[index]++)
}

/**
 * Refuses repeated augmentation that would show equal images, or repeat what the sampler repeats already.
 *
 * @param varied whether an image is varied each time that it comes
 * @throws MbconvError ERR_VALUE
 */
export function checkRepeats(op: string, repeats: number, sampler: Sampler, varied: boolean): void {
  if (repeats === 1) return
  const refuse = (why: string) => {
    throw new MbconvError('ERR_VALUE', `${op}: repeats ${why}`, { op })
  }
  if (sampler === 'balanced') refuse('cannot be combined with the sampler balanced, which repeats images already')
  if (sampler === 'none') refuse('needs shuffle: true: only the first images would ever be shown')
  if (!varied) refuse('needs augmentation: an image would be the same each time')
}
