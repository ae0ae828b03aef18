/** `mbconv doctor`: reports what was found on this machine, what is missing, and how to fix it. */
import { EXIT } from '../../../errors/exit-codes'
import type { CommandDescription, GlobalOptions } from '../../command-line/command'
import { Output } from '../../view/output'

export const doctorCommand: CommandDescription = {
  name: 'doctor',
  summary: 'say what was found on this machine, what is missing and how to get it',
  examples: ['mbconv doctor', 'mbconv doctor --json'],
  run,
}

async function run(options: GlobalOptions): Promise<number> {
  const output = new Output(options)
  const { inspectEnvironment } = await import('../../input/environment.js')
  const { findingLines, verdict } = await import('../../view/findings.js')
  const findings = await inspectEnvironment()
  const broken = findings.filter(({ ok, needed }) => needed && !ok)
  output.data({ ok: broken.length === 0, findings })
  output.result(...findingLines(findings, output), '', verdict(broken, output))
  return broken.length === 0 ? EXIT.ok : EXIT.environment
}
