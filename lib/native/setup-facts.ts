/** What the last set-up found and built, from build/setup.json. */
import { join } from 'node:path'
import { readText } from '../files/open'
import { packageRoot } from '../package/manifest'

/** The part of build/setup.json that is used at run time. */
export interface SetupFacts {
  libtorch?: { path?: string; version?: string; flavour?: 'cpu' | 'cuda'; source?: string }
  native?: { compiler?: string }
}

/** The facts; empty if set-up never ran here, or was interrupted. */
export function setupFacts(): SetupFacts {
  try {
    return JSON.parse(readText(join(packageRoot, 'build', 'setup.json'), { op: 'setupFacts' })) as SetupFacts
  } catch {
    return {}
  }
}
