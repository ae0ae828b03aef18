/** `mbconv doctor`: what was found on this machine, what is missing, and what to do about it. */
import { EXIT } from '../../errors/error'
import { type Finding, inspectEnvironment } from '../input/environment'
import { type GlobalOptions, Output } from '../view/output'

export async function doctor(options: GlobalOptions): Promise<number> {
  const output = new Output(options)
  const findings = await inspectEnvironment()
  const broken = findings.filter(({ ok, needed }) => needed && !ok)
  output.data({ ok: broken.length === 0, findings })
  output.result(...findingLines(findings, output), '', verdict(broken, output))
  return broken.length === 0 ? EXIT.ok : EXIT.environment
}

/** A line for each finding, with what would be right and what to do below those that are not. */
export function findingLines(findings: Finding[], { paint, unicode }: Output): string[] {
  const [right, wrong, absent] = unicode ? ['✓', '✗', '–'] : ['ok', '!!', '--']
  const width = Math.max(...findings.map(({ name }) => name.length))
  const indent = ' '.repeat(width + right.length + 2)
  return findings.flatMap(({ name, ok, needed, found, required, detail, remedy }) => {
    const mark = ok ? paint('green', right) : needed ? paint('red', wrong) : paint('yellow', absent)
    const lines = [
      `${mark} ${name.padEnd(width)}  ${found}${!ok && required ? paint('dim', `, needs ${required}`) : ''}`,
    ]
    if (detail) lines.push(`${indent} ${paint('dim', detail)}`)
    if (!ok && remedy) lines.push(`${indent} ${paint('cyan', 'remedy:')} ${remedy}`)
    return lines
  })
}

function verdict(broken: Finding[], { paint }: Output): string {
  if (broken.length === 0) return paint('green', 'mbconv can compute on this machine.')
  return paint('red', `mbconv cannot compute on this machine: ${broken.map(({ name }) => name).join(', ')}.`)
}
