/** A report as one HTML page that loads nothing: it contains its figures and style, and has no script. */

import { escapeXml } from '../../drawing/xml'
import { counted, duration } from '../../text/figures'
import type { Analysis } from '../analysis/analysis'
import { conclusions, notShown } from '../analysis/conclusions'
import { amount, times } from '../analysis/wording'
import { type Figure, figureSvg, WIDTHS } from './figures'
import { withVariables } from './plot-style'
import { reproduction } from './reproduction'
import { styleSheet } from './style'
import type { Table } from './tables'

/** The key facts above the first figure, as pairs of name and value. */
export function facts({ plan, jobs, arms, seconds, finished }: Analysis): [string, string][] {
  const failed = jobs.failed > 0 ? `, ${jobs.failed} failed` : ''
  return [
    ['Jobs done', `${jobs.done} of ${jobs.planned}${failed}${finished ? '' : ' (unfinished)'}`],
    [
      'Arms × seeds',
      `${arms.length} × ${plan.seeds.length}${plan.refused.length > 0 ? `, ${plan.refused.length} refused` : ''}`,
    ],
    ['Base', plan.base.name],
    ['Base multiply-adds', amount(plan.base.macs)],
    ...(plan.budget === null
      ? []
      : [
          [
            'Budget',
            plan.budget.times === null ? amount(plan.budget.macs) : `${times(plan.budget.times)} the base`,
          ] as [string, string],
        ]),
    ...(seconds === null ? [] : [['Total training time', duration(seconds)] as [string, string]]),
  ]
}

/** Text with non-breaking spaces between a number and its unit. */
const prose = (text: string) =>
  escapeXml(text)
    .replace(/(\d) (?=%|points|px|seeds?\b)/g, '$1\u00a0')
    .replace(/\b(p|φ) (=|&lt;) /g, '$1\u00a0$2\u00a0')

const lines = (text: readonly string[]) => text.map(escapeXml).join('\n')

async function figureHtml(figure: Figure): Promise<string> {
  const [wide, narrow] = await Promise.all([figureSvg(figure, WIDTHS.wide), figureSvg(figure, WIDTHS.narrow)])
  return [
    `<figure id="figure-${escapeXml(figure.id)}">`,
    `<h3>${escapeXml(figure.title)}</h3>`,
    `<div class="wide">${withVariables(wide)}</div>`,
    `<div class="narrow">${withVariables(narrow)}</div>`,
    `<figcaption>${prose(figure.caption)}</figcaption>`,
    '</figure>',
  ].join('\n')
}

function tableHtml({ id, title, columns, rows, caption }: Table): string {
  const style = (i: number) => {
    const { words, long } = columns[i]
    const names = [...(words ? ['words'] : []), ...(long ? ['long'] : []), ...(i === 0 ? ['first'] : [])]
    return names.length > 0 ? ` class="${names.join(' ')}"` : ''
  }
  const head = columns.map(({ title: name }, i) => `<th scope="col"${style(i)}>${escapeXml(name)}</th>`).join('')
  const body = rows.map((row) => {
    const cells = row.map(
      (cell, i) => `<td${style(i)} data-label="${escapeXml(columns[i].title)}">${escapeXml(cell)}</td>`,
    )
    return `<tr>${cells.join('')}</tr>`
  })
  return [
    `<h3>${escapeXml(title)}</h3>`,
    `<div class="table" role="region" aria-label="${escapeXml(title)}" tabindex="0"><table id="table-${escapeXml(id)}">`,
    `<caption>${prose(caption)}</caption>`,
    `<thead><tr>${head}</tr></thead>`,
    `<tbody>${body.join('\n')}</tbody>`,
    '</table></div>',
  ].join('\n')
}

/** The page. */
export async function reportHtml(
  analysis: Analysis,
  figures: readonly Figure[],
  tables: readonly Table[],
): Promise<string> {
  const { plan, finished } = analysis
  const [lead, ...more] = conclusions(analysis)
  const drawn: string[] = []
  for (const figure of figures) drawn.push(await figureHtml(figure))
  const { commands, facts: made, settings } = reproduction(analysis)
  const pairs = (list: [string, string][]) =>
    list.map(([name, value]) => `<div><dt>${escapeXml(name)}</dt><dd>${escapeXml(value)}</dd></div>`).join('')
  return [
    '<!doctype html>',
    '<html lang="en">',
    '<head>',
    '<meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    // Even if some data were taken for markup, it could load and run nothing.
    `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:">`,
    '<link rel="icon" href="data:,">',
    `<title>${escapeXml(plan.title)}</title>`,
    `<style>${styleSheet()}</style>`,
    '</head>',
    '<body>',
    '<main>',
    '<header>',
    `<p class="kicker">Experiment ${escapeXml(plan.name)} · profile ${escapeXml(plan.profile)} · ${counted(analysis.jobs.done, 'job')} done</p>`,
    `<h1>${escapeXml(plan.title)}</h1>`,
    `<p class="question">${escapeXml(plan.question)}</p>`,
    '</header>',
    '<section class="short" id="conclusions">',
    '<h2>What the results show</h2>',
    `<p${finished ? '' : ' class="state"'}>${prose(lead ?? '')}</p>`,
    ...more.map((words) => `<p>${prose(words)}</p>`),
    '</section>',
    `<dl class="facts">${pairs(facts(analysis))}</dl>`,
    ...(drawn.length > 0 ? ['<section>', '<h2>Figures</h2>', ...drawn, '</section>'] : []),
    '<section>',
    '<h2>Tables</h2>',
    ...tables.map(tableHtml),
    '</section>',
    '<section id="not-shown">',
    '<h2>What the results do not show</h2>',
    `<ul>${notShown(analysis)
      .map((words) => `<li>${prose(words)}</li>`)
      .join('\n')}</ul>`,
    '</section>',
    '<section id="again">',
    '<h2>How to reproduce it</h2>',
    `<pre>${lines(commands)}</pre>`,
    `<dl class="facts">${pairs(made)}</dl>`,
    '<br>',
    `<details><summary>The training configuration of the first arm</summary><pre>${lines(settings.split('\n'))}</pre></details>`,
    '<p>results.csv, beside this page, has every job’s accuracy, time and error. arms.csv and comparisons.csv have the numbers of the tables in full precision.</p>',
    '</section>',
    '</main>',
    '</body>',
    '</html>',
    '',
  ].join('\n')
}
