/** `mbconv setup`: hands over to scripts/setup.mjs, which needs nothing but Node. */
import { spawn } from 'node:child_process'
import path from 'node:path'
import { packageRoot } from '../../package/manifest'
import { exitOfInterruption, onSignals } from '../../process/signals'
import { type GlobalOptions, Output } from '../view/output'

const SCRIPT = path.join(packageRoot, 'scripts', 'setup.mjs')

export async function setup(words: string[], options: GlobalOptions): Promise<number> {
  const output = new Output(options)
  const quiet = options.quiet ? ['--quiet'] : []
  // With --json stdout belongs to the one line below; the script's own lines are for people.
  const child = spawn(process.execPath, [SCRIPT, ...words, ...quiet], {
    stdio: ['inherit', options.json ? 2 : 'inherit', 'inherit'],
  })
  // A terminal sends its signals to both; this process waits for the other one to clean up.
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
