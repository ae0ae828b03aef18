/** `mbconv setup`: starts scripts/setup.mjs, which needs only Node. */
import path from 'node:path'
import { packageRoot } from '../../../package/manifest'
import type { CommandDescription, GlobalOptions } from '../../command-line/command'
import { Output } from '../../view/output'

export const setupCommand: CommandDescription = {
  name: 'setup',
  summary: 'get libtorch and build the native part (setup --help lists its options)',
  usage: '[options]',
  arguments: [{ name: '[words...]' }],
  passesUnknownOptions: true,
  showsOwnHelp: true,
  examples: ['mbconv setup'],
  run,
}

const SCRIPT = path.join(packageRoot, 'scripts', 'setup.mjs')

async function run(words: string[], options: GlobalOptions): Promise<number> {
  const output = new Output(options)
  const { spawn } = await import('node:child_process')
  const { exitOfInterruption, onSignals } = await import('../../../process/signals.js')
  const quiet = options.quiet ? ['--quiet'] : []
  // With --json, stdout holds only the one line below; the script's own lines are for people.
  const child = spawn(process.execPath, [SCRIPT, ...words, ...quiet], {
    stdio: ['inherit', options.json ? 2 : 'inherit', 'inherit'],
  })
  // A terminal sends its signals to both processes; this one waits for the script to clean up.
  const restore = onSignals((signal) => {
    if (signal === 'SIGTERM') child.kill(signal)
  })
  try {
    const code = await new Promise<number>((resolve, reject) => {
      child.on('error', reject)
      child.on('exit', (status, signal) => resolve(status ?? exitOfInterruption(signal)))
    })
    output.data({ ok: code === 0, exitCode: code })
    return code
  } finally {
    restore()
  }
}
