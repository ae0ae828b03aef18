/** Formats the findings about this machine as text. */
import type { Finding } from '../input/environment'
import type { Output } from './output'

/** One line per finding; below the failed ones, the requirement and the remedy. */
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

/** Whether this package is usable here. */
export function verdict(broken: Finding[], { paint }: Output): string {
  if (broken.length === 0) return paint('green', 'mbconv can compute on this machine.')
  return paint('red', `mbconv cannot compute on this machine: ${broken.map(({ name }) => name).join(', ')}.`)
}
