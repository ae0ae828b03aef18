/** Paths as people read them. */
import path from 'node:path'

/** A path relative to the working directory where it lies below it. */
export function shortPath(name: string): string {
  const relative = path.relative(process.cwd(), name)
  return relative === '' || relative.startsWith('..') || path.isAbsolute(relative) ? name : relative
}
