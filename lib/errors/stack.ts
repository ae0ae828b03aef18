/** Tells whose code a stack leads through. */
import { join, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { dependencyNames, packageRoot } from '../package/manifest'

/** Folders of this package's code: as compiled and, with source maps, as written. */
const own = ['dist', 'lib'].map((folder) => join(packageRoot, folder) + sep)

/**
 * Turns `file:///a%20b.mjs:1:2` into `/a b.mjs:1:2`. Compiled code may have any name: names that are not files stay
 * unchanged.
 */
function fileOfFrame(place: string): string {
  const [, url, position] = /^(.*?)((?::\d+){2})$/.exec(place)!
  try {
    return fileURLToPath(url) + position
  } catch {
    return place
  }
}

/** The places on a stack, innermost first, as `file:line:column`, without V8's and Node's own. */
export function placesOf(stack: string): string[] {
  const places: string[] = []
  for (const line of stack.split('\n')) {
    // "at name (place)" or "at place". A place may contain blanks and parentheses, a name contains no parenthesis.
    const [, named, bare] = /^\s*at (?:async )?(?:[^(]*? \((.+:\d+:\d+)\)|(.+:\d+:\d+))$/.exec(line) ?? []
    const place = named ?? bare
    if (place === undefined || place.startsWith('node:')) continue
    places.push(place.startsWith('file://') ? fileOfFrame(place) : place)
  }
  return places
}

/** Whether a place lies in this package. */
export const isOwnPlace = (place: string): boolean => own.some((folder) => place.startsWith(folder))

let dependencies: string[] | undefined

/** Whether a place lies in one of the packages that this one depends on. */
export function isDependencyPlace(place: string): boolean {
  dependencies ??= dependencyNames().map((name) => join(`${sep}node_modules`, name) + sep)
  return dependencies.some((folder) => place.includes(folder))
}
