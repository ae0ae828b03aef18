/** A report as Markdown; its figures are files beside it. */
import { blanked } from '../../text/foreign-text'
import type { Analysis } from '../analysis/analysis'
import { conclusions, notShown } from '../analysis/conclusions'
import type { Figure } from './figures'
import { facts } from './html'
import { reproduction } from './reproduction'
import type { Table } from './tables'

/** Text on one line, with every Markdown character escaped. */
function plain(words: string): string {
  const line = blanked(words).trim()
  return line.replace(/[\\`*_[\]<>|#~!&$]/g, (c) => `\\${c}`).replace(/^([-+]|\d+[.)])(?=\s)/, '\\$1')
}

function table({ title, columns, rows, caption }: Table): string {
  const line = (cells: readonly string[]) => `| ${cells.map(plain).join(' | ')} |`
  const rule = `|${columns.map(({ words }) => (words ? '---' : '---:')).join('|')}|`
  return [
    `### ${plain(title)}`,
    '',
    line(columns.map((column) => column.title)),
    rule,
    ...rows.map(line),
    '',
    plain(caption),
    '',
  ].join('\n')
}

/** The Markdown text. The figures are `<id>.svg` in the same folder. */
export function reportMarkdown(analysis: Analysis, figures: readonly Figure[], tables: readonly Table[]): string {
  const { plan } = analysis
  const { commands, facts: made } = reproduction(analysis)
  const pairs = (list: [string, string][]) => list.map(([name, value]) => `- ${plain(name)}: ${plain(value)}`)
  return [
    `# ${plain(plan.title)}`,
    '',
    plain(plan.question),
    '',
    `Experiment ${plain(plan.name)}, profile ${plain(plan.profile)}.`,
    '',
    '## What the results show',
    '',
    ...conclusions(analysis).flatMap((words) => [`- ${plain(words)}`]),
    '',
    ...pairs(facts(analysis)),
    '',
    ...(figures.length > 0 ? ['## Figures', ''] : []),
    ...figures.flatMap(({ id, title, caption }) => [
      `![${plain(title)}](${id}.svg)`,
      '',
      `${plain(title)}. ${plain(caption)}`,
      '',
    ]),
    '## Tables',
    '',
    ...tables.map(table),
    '## What the results do not show',
    '',
    ...notShown(analysis).map((words) => `- ${plain(words)}`),
    '',
    '## How to reproduce it',
    '',
    '```sh',
    ...commands.map((command) => blanked(command).replaceAll('`', ' ')),
    '```',
    '',
    ...pairs(made),
    '',
  ].join('\n')
}
