/** `mbconv version`: says which versions are at work. */
import { EXIT } from '../../../errors/exit-codes'
import { packageVersion } from '../../../package/manifest'
import type { CommandDescription, GlobalOptions } from '../../command-line/command'
import { Output } from '../../view/output'

export const versionCommand: CommandDescription = {
  name: 'version',
  summary: 'say which versions of mbconv, Node.js and libtorch are at work',
  examples: ['mbconv version', 'mbconv version --json'],
  run,
}

async function run(options: GlobalOptions): Promise<number> {
  const output = new Output(options)
  const libtorch = await libtorchVersion()
  const versions = { mbconv: packageVersion(), node: process.versions.node, libtorch }
  output.data({ ...versions, platform: `${process.platform}-${process.arch}` })
  output.result(
    `mbconv ${versions.mbconv}`,
    `Node.js ${versions.node} on ${process.platform}-${process.arch}`,
    libtorch === null ? 'libtorch cannot be loaded; mbconv doctor says why' : `libtorch ${libtorch}`,
  )
  return EXIT.ok
}

/** Null where the native part cannot be loaded: the other versions matter all the more then. */
async function libtorchVersion(): Promise<string | null> {
  const { versions } = await import('../../../native/runtime.js')
  try {
    return versions().loaded
  } catch {
    return null
  }
}
