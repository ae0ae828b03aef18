/** The configurations and experiments in the package, which are found by name from any folder. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { checkPath } from '../errors/check'
import { listFolder } from '../files/folders'
import { packageRoot } from '../package/manifest'
import { nearest } from '../text/nearest'

/** Where they lie in the package. */
export type ShippedFolder = 'configs' | 'scripts/experiments'

/** The names of the files in the folder, without extension. */
export const shippedNames = (folder: ShippedFolder): string[] =>
  listFolder(join(packageRoot, folder))
    .map(({ name }) => name)
    .filter((name) => name.endsWith('.yaml'))
    .map((name) => name.slice(0, -'.yaml'.length))
    .sort()

/**
 * The file that is meant by `given`: a path that exists is itself; `digits` or `digits.yaml` otherwise is the package's
 * file of that name. Anything else is returned unchanged.
 *
 * @throws MbconvError ERR_TYPE unless `given` can be a path
 */
export function shippedFile(given: string, folder: ShippedFolder): string {
  checkPath('readYaml', given)
  if (existsSync(given) || !/^[\w-]+(\.yaml)?$/.test(given)) return given
  const file = join(packageRoot, folder, given.endsWith('.yaml') ? given : `${given}.yaml`)
  return existsSync(file) ? file : given
}

/** Suggests one of the names for a path that does not exist. */
export function nearestShipped(given: string, folder: ShippedFolder): string | undefined {
  if (!/^[\w-]+(\.ya?ml)?$/.test(given)) return undefined
  const names = shippedNames(folder)
  const near = nearest(given.replace(/\.ya?ml$/, ''), names)
  return near === undefined ? undefined : `did you mean ${near}? The package has ${names.join(', ')}`
}
