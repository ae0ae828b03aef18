/** Finds images with the same bytes. */
import type { Part } from '../listing/parts'

interface Copy {
  name: string
  className: string | null
  part: Part | undefined
}

/** Copies of one image. */
export interface DuplicateGroup {
  names: string[]
  classes: (string | null)[]
  parts: Part[]
}

export class Duplicates {
  /** The first image of each content. */
  readonly #first = new Map<string, Copy>()
  /** All images of each content that occurs more than once. */
  readonly #copies = new Map<string, Copy[]>()

  add(sha256: string, copy: Copy): void {
    const first = this.#first.get(sha256)
    if (first === undefined) {
      this.#first.set(sha256, copy)
      return
    }
    const copies = this.#copies.get(sha256)
    if (copies === undefined) this.#copies.set(sha256, [first, copy])
    else copies.push(copy)
  }

  /** Copies with different classes, copies in different parts, and the number of needless copies besides. */
  found(): { acrossClasses: DuplicateGroup[]; acrossParts: DuplicateGroup[]; others: number } {
    const groups = [...this.#copies.values()].map(
      (copies): DuplicateGroup => ({
        names: copies.map(({ name }) => name),
        classes: [...new Set(copies.map(({ className }) => className))],
        parts: [...new Set(copies.flatMap(({ part }) => part ?? []))],
      }),
    )
    const isPlain = ({ classes, parts }: DuplicateGroup) => classes.length === 1 && parts.length < 2
    return {
      acrossClasses: groups.filter(({ classes }) => classes.length > 1),
      acrossParts: groups.filter(({ parts }) => parts.length > 1),
      others: groups.filter(isPlain).reduce((sum, { names }) => sum + names.length - 1, 0),
    }
  }
}
