/** Counts what is found beside the images of a data set and is not part of it. */
import { listed } from '../../errors/check'
import { counted, whole } from '../../text/figures'

/** Why something is left out, in words that follow its number. */
const REASONS = {
  outside: { one: 'link that leads out of the folder', many: 'links that lead out of the folder' },
  broken: { one: 'link that leads nowhere', many: 'links that lead nowhere' },
  circle: { one: 'link to a folder that it lies in', many: 'links to folders that they lie in' },
  special: { one: 'pipe, socket or device', many: 'pipes, sockets or devices' },
  other: { one: 'file that is no image', many: 'files that are no images' },
  loose: { one: 'image that is in no class folder', many: 'images that are in no class folder' },
  keyless: { one: 'member of an archive without an extension', many: 'members of an archive without an extension' },
  imageless: { one: 'sample of an archive without an image', many: 'samples of an archive without an image' },
} as const

export type Reason = keyof typeof REASONS

/** The most names that are kept for each reason. */
const MOST_NAMES = 3

export class LeftOut {
  readonly #found = new Map<Reason, { count: number; names: string[] }>()

  /** @param name of the thing, for people */
  add(reason: Reason, name: string): void {
    const found = this.#found.get(reason) ?? { count: 0, names: [] }
    found.count++
    if (found.names.length < MOST_NAMES) found.names.push(name)
    this.#found.set(reason, found)
  }

  /** The numbers by reason. */
  counts(): Partial<Record<Reason, number>> {
    return Object.fromEntries([...this.#found].map(([reason, { count }]) => [reason, count]))
  }

  /** One sentence for each reason. */
  notes(where: string): string[] {
    return [...this.#found].map(([reason, { count, names }]) => {
      const what = count === 1 ? `1 ${REASONS[reason].one} is` : `${whole(count)} ${REASONS[reason].many} are`
      const more = count > names.length ? ' …' : ''
      return `${where}: ${what} left out: ${names.join(', ')}${more}`
    })
  }
}

/** A note about classes: `photos: 2 class folders have no image: cat, dog`. */
export function emptyClassesNote(where: string, empty: readonly string[]): string[] {
  if (empty.length === 0) return []
  const verb = empty.length === 1 ? 'has' : 'have'
  return [
    `${where}: ${counted(empty.length, 'class folder')} ${verb} no image and ${empty.length === 1 ? 'is' : 'are'} left out: ${listed(empty)}`,
  ]
}
