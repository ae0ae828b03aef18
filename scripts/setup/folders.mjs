/* Makes folders. */
import fs from 'node:fs'
import path from 'node:path'

/**
 * Makes a folder and its missing parents.
 *
 * Node's own recursive mkdir never ends if the kernel answers ENOENT for a name in an existing folder, as it does below
 * /proc. This function tries every folder once.
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
