/** This package: its folder, and what its package.json says. Below everything else, so that any file may ask. */
import { join } from 'node:path'

/** The folder that holds package.json. From dist/package/ and lib/package/ alike, it is two folders up. */
export const packageRoot: string = join(__dirname, '..', '..')

interface Manifest {
  version: string
  dependencies?: Record<string, string>
  optionalDependencies?: Record<string, string>
  peerDependencies?: Record<string, string>
}

const manifest = (): Manifest => require(join(packageRoot, 'package.json'))

export const packageVersion = (): string => manifest().version

/** Names of the packages that this one uses, those included that it can do without. */
export function dependencyNames(): string[] {
  const { dependencies, optionalDependencies, peerDependencies } = manifest()
  return Object.keys({ ...dependencies, ...optionalDependencies, ...peerDependencies })
}
