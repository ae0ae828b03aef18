/** The environment of an experiment: versions, revision, hardware. */
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { availableParallelism, cpus, hostname, totalmem } from 'node:os'
import { join } from 'node:path'
import { deviceCount, getDeviceProperties } from '../../cuda'
import { versions as nativeVersions } from '../../native/runtime'
import { packageRoot, packageVersion } from '../../package/manifest'
import type { Machine, Versions } from '../types/types'

/** @throws MbconvError ERR_NATIVE_LOAD */
export function versionsHere(): Versions {
  return { mbconv: packageVersion(), node: process.versions.node, libtorch: nativeVersions().loaded }
}

/** @throws MbconvError ERR_NATIVE_LOAD */
export function machineHere(): Machine {
  return {
    host: hostname(),
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memory: totalmem(),
    gpus: Array.from({ length: deviceCount() }, (_, i) => getDeviceProperties(i).name),
  }
}

/**
 * The git revision of the package's sources, with a `+` if tracked files were changed. Null outside a checkout or
 * without git.
 */
export function revisionHere(): string | null {
  if (!existsSync(join(packageRoot, '.git'))) return null
  try {
    const git = (...words: string[]) =>
      execFileSync('git', ['-C', packageRoot, ...words], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      }).trim()
    return git('rev-parse', 'HEAD') + (git('status', '--porcelain', '--untracked-files=no') === '' ? '' : '+')
  } catch {
    return null
  }
}
