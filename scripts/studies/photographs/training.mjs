/* Trains the studies' network on a list of photographs. */
import path from 'node:path'
import mb from 'mbconv'
import { writeList } from './images.mjs'

/** Parts of B0, by name. An epoch of 282 photographs is 17 steps. */
export const NETWORKS = {
  half: { name: 'efficientnet_b0', width: 0.5, depth: 0.5, resolution: 64 },
  small: { name: 'efficientnet_b0', width: 0.25, depth: 0.34, resolution: 48 },
}
export const EPOCHS = 60
const BATCH = 16
/** For computing, beside the loader's. So networks this small waste no time, and two parts can run side by side. */
const THREADS = 1

export class Trainer {
  #folder
  #model
  #runs = 0

  /**
   * @param folder of lists and runs
   * @param {keyof typeof NETWORKS} network
   */
  constructor(folder, network) {
    this.#folder = folder
    this.#model = NETWORKS[network]
  }

  /**
   * Trains from nothing with the recipe `scratch`, and evaluates once, at the end: nothing is chosen by the images that are
   * evaluated.
   * @param {import('./images.mjs').Image[]} images the list, with the split of each
   * @param {{seed: number, data?: object, [key: string]: unknown}} settings keys of the configuration
   * @returns {Promise<import('mbconv').TrainResult>}
   */
  async train(images, { data, ...settings }) {
    const name = `run-${String(this.#runs++).padStart(3, '0')}`
    const list = path.join(this.#folder, `${name}.csv`)
    writeList(list, images)
    const run = mb.train({
      ...{ recipe: 'scratch', device: 'cpu', threads: THREADS, model: this.#model, epochs: EPOCHS },
      ...{ evalEveryEpochs: EPOCHS, checkpoint: { everyEpochs: EPOCHS, keep: 1 } },
      data: { dataset: 'list', list: { train: list }, batchSize: BATCH, evalBatchSize: 64, ...data },
      run: { dir: this.#folder, name, curves: false },
      ...settings,
    })
    const result = await run.result
    const { top1, seconds } = result.test ?? result
    console.error(
      `${name}: ${JSON.stringify(settings)} top-1 ${percent(top1)}, training ${(seconds ?? result.seconds).toFixed(1)} s`,
    )
    return result
  }
}

export const percent = (share, digits = 1) => `${(100 * share).toFixed(digits)} %`
