/** Formats architectures as tables, and one as part of a configuration. */
import type { Arch } from '../../models/arch/arch'
import { formatStage } from '../../models/arch/block-string'
import { type Resolution, resolutionText } from '../../models/arch/resolution'
import { COUNTING_RULE, count } from '../../models/cost/count'
import { references } from '../../models/cost/references'
import { summary } from '../../models/cost/summary'
import { arch, list } from '../../models/families/catalogue'
import * as format from './format'
import { type Output, table, wrap } from './output'

/** All architectures, one per row. */
export function showAll({ resolution, classes }: { resolution?: Resolution; classes: number }, output: Output): void {
  const all = list().map((name) => {
    const model = arch(name)
    return { model, counts: count(model, { numClasses: classes, resolution }) }
  })
  // Their figures are only for their own resolution and classes.
  const others = resolution === undefined && classes === 1000 ? references() : []
  output.data([
    ...all.map(({ model, counts }) => ({
      name: model.name,
      width: model.width,
      depth: model.depth,
      resolution: counts.resolution,
      dropout: model.dropout,
      params: counts.params,
      macs: counts.macs,
    })),
    ...others.map(({ name, resolution, params, macs }) => ({ name, reference: true, resolution, params, macs })),
  ])
  const columns = [
    { title: 'model' },
    ...['width', 'depth', 'px', 'dropout', 'parameters', 'multiply-adds'].map((title) => ({ title, right: true })),
  ]
  const rows = all.map(({ model, counts }) => [
    model.name,
    model.width.toFixed(1),
    model.depth.toFixed(1),
    resolutionText(counts.resolution),
    model.dropout.toFixed(1),
    format.whole(counts.params),
    format.whole(counts.macs),
  ])
  for (const { name, resolution, params, macs } of others)
    rows.push([`${name} *`, '', '', String(resolution), '', format.whole(params), format.whole(macs)])
  const mark = others.length > 0 ? [output.paint('dim', '* to compare with; it cannot be built here.')] : []
  output.result(...table(columns, rows, output.paint), '', ...mark, ...countingRule(output))
}

/** One architecture stage by stage. */
export function showOne(model: Arch, classes: number, output: Output): void {
  const { counts, stages, columns, rows } = summary(model, { numClasses: classes })
  output.data({ arch: model, counts, stages, countingRule: COUNTING_RULE })
  const { paint } = output
  const facts = [
    `width ${format.short(model.width)}`,
    `depth ${format.short(model.depth)}`,
    `${resolutionText(model.resolution)} px`,
    `dropout ${model.dropout}`,
    `${format.whole(classes)} classes`,
  ]
  output.result(
    `${paint('bold', model.name)}  ${paint('dim', facts.join(', '))}`,
    '',
    ...table(columns, rows, paint),
    '',
    ...countingRule(output),
  )
}

/**
 * A table as `model:` of a configuration: a starting point for a network with custom stages.
 *
 * @param base the name of the architecture that was scaled
 */
export function showConfig(base: string, model: Arch, output: Output): void {
  const { stem, stages, head, resolution, divisor, dropout } = model
  const texts = stages.map(formatStage)
  output.data({ name: base, stem, stages: texts, head, resolution, divisor, dropout })
  const keys = { head, resolution, divisor, dropout }
  output.result(
    'model:',
    `  name: ${base} # what the stages do not say: activation, squeeze-excitation, how it scales`,
    `  stem: ${stem}`,
    '  stages:',
    ...texts.map((text) => `    - ${text}`),
    ...Object.entries(keys).map(([key, value]) => `  ${key}: ${JSON.stringify(value)}`),
  )
}

/** The counting rule: only figures that follow the same rule can be compared. */
export const countingRule = ({ columns, paint }: Output): string[] =>
  wrap(`Counted: ${COUNTING_RULE}.`, Math.min(columns, 100)).map((line) => paint('dim', line))
