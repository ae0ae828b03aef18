/* Making folders. */
import fs from 'node:fs'
import path from 'node:path'

/**
 * Makes a folder and those above it that are missing.
 *
 * Node's own recursive mkdir never ends where the kernel answers ENOENT to a name in a folder that exists, as it does
 * below /proc. Here every folder is tried once.
 * @throws an errno
 */
export function makeFolder(folder) {
  const missing = []
  for (let at = path.resolve(folder); !fs.existsSync(at) && at !== path.dirname(at); at = path.dirname(at))
    missing.push(at)
  for (const each of missing.reverse()) {
    try {
      fs.mkdirSync(each)
    } catch (error) {
      if (error.code !== 'EEXIST' || !fs.statSync(each, { throwIfNoEntry: false })?.isDirectory()) throw error
    }
  }
}
