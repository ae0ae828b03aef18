/** Numbers the classes that labels name. */
import { MbconvError } from '../../errors/error'
import { whole } from '../../text/figures'

/** More classes than this are a mistake: captions instead of labels, for example. */
export const MOST_CLASSES = 1_000_000

const WHOLE_NUMBER = /^(0|[1-9]\d*)$/

/** The names of classes in order, and the new number of each provisional one. */
export interface OrderedClasses {
  classes: string[]
  numberOf: Int32Array
}

/** Collects the names of classes. Each gets a provisional number when it is first seen. */
export class ClassNames {
  readonly #numbers = new Map<string, number>()

  /** @param what the data set, for the error */
  constructor(readonly what: string) {}

  get size(): number {
    return this.#numbers.size
  }

  /**
   * The provisional number of a class. Two spellings of the same text in Unicode (é as one character, or as e and an
   * accent) are one class.
   *
   * @throws MbconvError ERR_DATA for too many classes
   */
  number(name: string): number {
    const normal = name.normalize('NFC')
    const known = this.#numbers.get(normal)
    if (known !== undefined) return known
    if (this.#numbers.size === MOST_CLASSES)
      throw new MbconvError('ERR_DATA', `${this.what}: has more than ${whole(MOST_CLASSES)} classes`, {
        hint: 'Labels are names or numbers of classes, not descriptions of the images.',
      })
    this.#numbers.set(normal, this.#numbers.size)
    return this.#numbers.size - 1
  }

  /**
   * The final order: by the bytes of their names. If all are whole numbers, they are the classes' own numbers, and the
   * classes are 0 up to the largest.
   *
   * @throws MbconvError ERR_DATA for a whole number that is too large
   */
  ordered(): OrderedClasses {
    const names = [...this.#numbers.keys()]
    const numberOf = new Int32Array(names.length)
    if (names.length > 0 && names.every((name) => WHOLE_NUMBER.test(name))) {
      const largest = names.reduce((most, name) => Math.max(most, Number(name)), 0)
      if (largest >= MOST_CLASSES)
        throw new MbconvError('ERR_DATA', `${this.what}: has a class number ${largest}`, {
          hint: `Whole numbers are the numbers of classes, from 0 to ${whole(MOST_CLASSES - 1)} at most. Other names may have letters.`,
        })
      names.forEach((name, i) => {
        numberOf[i] = Number(name)
      })
      return { classes: Array.from({ length: largest + 1 }, (_, i) => String(i)), numberOf }
    }
    const classes = [...names].sort(byBytes)
    classes.forEach((name, i) => {
      numberOf[this.#numbers.get(name)!] = i
    })
    return { classes, numberOf }
  }
}

/** Orders texts by their UTF-8 bytes, which is also the order of code points. */
export function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}
