/** Writes the report of an experiment into its folder; the command prints its conclusions. */
import { join, resolve } from 'node:path'
import { svgToPng } from '../../drawing/png'
import { writeFileAtomic } from '../../files/atomic'
import { makeFolder } from '../../files/folders'
import { analyze } from '../analysis/analysis'
import { conclusions } from '../analysis/conclusions'
import { readExperiment } from '../store/read'
import { figureSvg, figuresOf, WIDTHS } from './figures'
import { reportHtml } from './html'
import { reportMarkdown } from './markdown'
import { armsCsv, comparisonsCsv, resultsCsv, tablesOf } from './tables'

/** The files of a report. */
export interface ReportPaths {
  /** All written files, the HTML page first. */
  files: string[]
  /** The page. It is self-contained. */
  html: string
  /** The report as Markdown, report.md. */
  markdown: string
  /** One line per job, per arm, and per declared comparison. */
  csv: {
    /** A row for each job, results.csv. */
    results: string
    /** A row for each arm, arms.csv. */
    arms: string
    /** A row for each comparison, comparisons.csv. */
    comparisons: string
  }
  /** In the order of the report. */
  figures: {
    /** The name of the figure, and of its files. */
    id: string
    /** The figure as an SVG file. */
    svg: string
    /** The figure as a PNG file. */
    png: string
  }[]
  /** The sentences at the top of the report. */
  conclusions: string[]
}

// The font of the figures has no Greek letters.
const GREEK: Record<string, string> = { α: 'alpha', β: 'beta', γ: 'gamma', φ: 'phi' }

/**
 * Writes `report/` in an experiment's folder: report.html, report.md, results.csv, arms.csv, comparisons.csv, and each
 * figure as SVG and PNG. It can be called at any time, even while the experiment runs; the report says what is missing.
 * Each file is replaced as a whole or not at all.
 *
 * @param folder of the experiment
 * @throws MbconvError ERR_DATA where experiment.json, results.jsonl or timings.jsonl is not what its name says;
 *   ERR_IO when writing fails; ERR_ENVIRONMENT where a package that draws is missing
 */
export async function writeReport(folder: string): Promise<ReportPaths> {
  const files = readExperiment(folder)
  const analysis = analyze(files)
  const [figures, tables] = [figuresOf(analysis), tablesOf(analysis)]
  const target = resolve(folder, 'report')
  const path = (name: string) => join(target, name)
  const page = await reportHtml(analysis, figures, tables)
  const drawn = []
  for (const figure of figures) {
    const heading = { title: figure.title, subtitle: `${files.plan.title} (${files.plan.name}, ${files.plan.profile})` }
    const svg = await figureSvg(figure, WIDTHS.wide, heading)
    drawn.push({ id: figure.id, svg, png: await svgToPng(svg.replace(/[αβγφ]/g, (letter) => GREEK[letter])) })
  }

  makeFolder(target)
  const csv = { results: path('results.csv'), arms: path('arms.csv'), comparisons: path('comparisons.csv') }
  writeFileAtomic(csv.results, resultsCsv(analysis, files.results, files.timings))
  writeFileAtomic(csv.arms, armsCsv(analysis))
  writeFileAtomic(csv.comparisons, comparisonsCsv(analysis))
  for (const { id, svg, png } of drawn) {
    writeFileAtomic(path(`${id}.svg`), svg)
    writeFileAtomic(path(`${id}.png`), png)
  }
  const [html, markdown] = [path('report.html'), path('report.md')]
  writeFileAtomic(markdown, reportMarkdown(analysis, figures, tables))
  writeFileAtomic(html, page)
  const pictures = drawn.map(({ id }) => ({ id, svg: path(`${id}.svg`), png: path(`${id}.png`) }))
  return {
    files: [html, markdown, ...Object.values(csv), ...pictures.flatMap(({ svg, png }) => [svg, png])],
    html,
    markdown,
    csv,
    figures: pictures,
    conclusions: conclusions(analysis),
  }
}
