/** Image files that cannot be read: each is named once, and too many of them are an error. */
import { MbconvError } from '../../errors/error'
import { counted } from '../../text/figures'
import type { Dataset } from '../dataset/image-dataset'

/** The images of a data set that could not be read so far. */
export class UnreadableImages {
  readonly #names = new Set<string>()
  /** Images that may be left out. */
  readonly most: number
  readonly #dataset: string
  readonly #warn: (message: string) => void

  /**
   * @param most images that may be left out; null: 1 % of the data set, at least 10
   * @param warn called once for each image
   */
  constructor(
    { name, length }: Pick<Dataset, 'name' | 'length'>,
    most: number | null,
    warn: (message: string) => void,
  ) {
    this.#dataset = name
    this.most = most ?? Math.max(10, Math.floor(length / 100))
    this.#warn = warn
  }

  get count(): number {
    return this.#names.size
  }

  /**
   * Notes an image that is left out.
   *
   * @param error why it cannot be read; its message names the file
   * @throws MbconvError ERR_DATA if there are more than allowed
   */
  add(name: string, error: MbconvError): void {
    if (this.#names.has(name)) return
    this.#names.add(name)
    if (this.#names.size <= this.most) {
      this.#warn(`left out: ${error.message}`)
      return
    }
    const text = `${this.#dataset}: ${counted(this.#names.size, 'image')} cannot be read, and data.maxUnreadable is ${this.most}; the last one: ${error.message}`
    throw new MbconvError('ERR_DATA', text, {
      cause: error,
      hint: 'mbconv data verify names every such file. Remove them, or raise data.maxUnreadable.',
    })
  }
}
