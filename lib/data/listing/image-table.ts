/**
 * The image files of a data set as columns of numbers and one long text: millions of images without an object for each.
 * A row takes 20 to 40 bytes and its name.
 */

/** A list of numbers that grows. */
class Column {
  #values = new Float64Array(16)
  length = 0

  push(value: number): void {
    if (this.length === this.#values.length) {
      const longer = new Float64Array(2 * this.length)
      longer.set(this.#values)
      this.#values = longer
    }
    this.#values[this.length++] = value
  }

  at(index: number): number {
    return this.#values[index]
  }

  set(index: number, value: number): void {
    this.#values[index] = value
  }

  map(change: (value: number) => number): void {
    for (let i = 0; i < this.length; i++) this.#values[i] = change(this.#values[i])
  }
}

/** A list of byte strings that grows. */
export class NameList {
  #text = Buffer.allocUnsafeSlow(256)
  #used = 0
  readonly #ends = new Column()

  get length(): number {
    return this.#ends.length
  }

  /** @param name a byte string */
  push(name: string): void {
    const end = this.#used + name.length
    if (end > this.#text.length) {
      const longer = Buffer.allocUnsafeSlow(Math.max(end, 2 * this.#text.length))
      this.#text.copy(longer, 0, 0, this.#used)
      this.#text = longer
    }
    this.#text.write(name, this.#used, 'latin1')
    this.#used = end
    this.#ends.push(end)
  }

  /** A byte string. */
  at(index: number): string {
    return this.#text.toString('latin1', index === 0 ? 0 : this.#ends.at(index - 1), this.#ends.at(index))
  }
}

/** One image, to be added to a table. */
export interface Row {
  /** A byte string: the path below the data set's folder, or the name in an archive. */
  name: string
  /** Size of the encoded image. */
  bytes: number
  /** Number of the class; a list in every row of a data set with any number of labels an image. */
  label: number | readonly number[]
  /** In archives: the number of the archive, and the first byte of the image in it. */
  archive?: number
  offset?: number
  /** Images of one group stay together when some are held out. Default: the image has none. */
  group?: string | undefined
}

/** In the column of groups. */
const NONE = -1

export class ImageTable {
  readonly #names = new NameList()
  readonly #bytes = new Column()
  /** Where the labels of each row end; empty if each has one. */
  readonly #labelEnds = new Column()
  readonly #labels = new Column()
  readonly #archives = new Column()
  readonly #offsets = new Column()
  readonly #groups = new Column()
  readonly #groupNames: string[] = []
  readonly #groupNumbers = new Map<string, number>()

  get length(): number {
    return this.#names.length
  }

  add({ name, bytes, label, archive, offset, group }: Row): void {
    this.#names.push(name)
    this.#bytes.push(bytes)
    if (typeof label === 'number') this.#labels.push(label)
    else {
      for (const each of label) this.#labels.push(each)
      this.#labelEnds.push(this.#labels.length)
    }
    if (archive !== undefined && offset !== undefined) {
      this.#archives.push(archive)
      this.#offsets.push(offset)
    }
    if (group === undefined) return
    // Only a table with groups has the column: up to here, the rows had none.
    while (this.#groups.length < this.length - 1) this.#groups.push(NONE)
    this.#groups.push(this.#groupNumber(group))
  }

  #groupNumber(group: string): number {
    const known = this.#groupNumbers.get(group)
    if (known !== undefined) return known
    this.#groupNumbers.set(group, this.#groupNames.length)
    return this.#groupNames.push(group) - 1
  }

  /** Replaces the provisional numbers of the classes. */
  renumber(numberOf: ArrayLike<number>): void {
    this.#labels.map((label) => numberOf[label])
  }

  /** A byte string. */
  name(row: number): string {
    return this.#names.at(row)
  }

  bytes(row: number): number {
    return this.#bytes.at(row)
  }

  setBytes(row: number, bytes: number): void {
    this.#bytes.set(row, bytes)
  }

  /** All classes of an image. */
  labels(row: number): number[] {
    if (this.#labelEnds.length === 0) return [this.#labels.at(row)]
    const labels: number[] = []
    const end = this.#labelEnds.at(row)
    for (let at = row === 0 ? 0 : this.#labelEnds.at(row - 1); at < end; at++) labels.push(this.#labels.at(at))
    return labels
  }

  /** The first class of an image; -1 if it has none. */
  label(row: number): number {
    return this.labels(row)[0] ?? -1
  }

  archive(row: number): number {
    return this.#archives.at(row)
  }

  /** The first byte of the image in its file. */
  offset(row: number): number {
    return this.#offsets.length === 0 ? 0 : this.#offsets.at(row)
  }

  group(row: number): string | undefined {
    const number = row < this.#groups.length ? this.#groups.at(row) : NONE
    return number === NONE ? undefined : this.#groupNames[number]
  }
}
