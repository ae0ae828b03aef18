/** The order of the images in an epoch. */
import { KeyedRandom, PURPOSE } from '../../random/philox'
import type { Seed } from '../../random/seed'

/** The positions of all images in their order: shuffled anew for each epoch, or the data set's own. */
export function epochOrder(length: number, { shuffle, seed, epoch }: { shuffle: boolean; seed: Seed; epoch: number }) {
  if (!shuffle) return Int32Array.from({ length }, (_, i) => i)
  return new KeyedRandom(seed, PURPOSE.shuffle, epoch).permutation(length)
}
