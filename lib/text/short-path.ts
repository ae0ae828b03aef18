/** Shortens paths for people. */
import path from 'node:path'

/** A path relative to the working directory if it lies below that; otherwise unchanged. */
export function shortPath(name: string): string {
  const relative = path.relative(process.cwd(), name)
  return relative === '' || relative.startsWith('..') || path.isAbsolute(relative) ? name : relative
}
