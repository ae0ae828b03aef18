/** `mbconv models`: the architectures, and one of them stage by stage. Counted from tables; nothing is built. */
import { MbconvError } from '../../errors/error'
import type { Arch } from '../../models/arch/arch'
import { formatStage } from '../../models/arch/block-string'
import { compound, scale } from '../../models/arch/scaling'
import { COUNTING_RULE, count } from '../../models/cost/count'
import { references } from '../../models/cost/references'
import { summary } from '../../models/cost/summary'
import { arch, fullName, list } from '../../models/families/catalogue'
import { nearest } from '../../text/nearest'
import * as format from '../view/format'
import { type GlobalOptions, Output, table, wrap } from '../view/output'

export interface ModelsOptions extends GlobalOptions {
  width?: number
  depth?: number
  /** Input side, px. */
  resolution?: number
  phi?: number
  classes: number
  /** Write the table as a part of a training configuration. */
  config?: boolean
}

export async function models(name: string | undefined, options: ModelsOptions): Promise<number> {
  const output = new Output(options)
  try {
    if (name === undefined) showAll(options, output)
    else if (options.config) showConfig(known(name), options, output)
    else showOne(scaled(known(name), options), options, output)
  } catch (error) {
    // A number that no network can have was typed; the library cannot know that.
    if (error instanceof MbconvError && error.code === 'ERR_VALUE')
      throw new MbconvError('ERR_USAGE', error.message, { hint: error.hint, cause: error })
    throw error
  }
  return 0
}

/** `b3` is enough where `efficientnet_b3` is meant; timm's and torchvision's names are known too. */
export function known(name: string): Arch {
  const names = list()
  const full = fullName(name)
  if (full) return arch(full)
  const near = nearest(name, [...names.map((candidate) => candidate.replace('efficientnet_', '')), ...names])
  throw new MbconvError('ERR_USAGE', `no model is called ${name}`, {
    hint: near ? `did you mean ${near}?` : `there are ${names.join(', ')}`,
  })
}

function scaled(from: Arch, { width = 1, depth = 1, resolution, phi }: ModelsOptions): Arch {
  const formula =
    phi === undefined
      ? { width: 1, depth: 1, resolution: from.resolution }
      : compound({ phi, resolution: from.resolution })
  return scale(from, {
    width: width * formula.width,
    depth: depth * formula.depth,
    resolution: resolution ?? formula.resolution,
  })
}

function showAll({ width, depth, phi, resolution, classes, config }: ModelsOptions, output: Output): void {
  if (config)
    throw new MbconvError('ERR_USAGE', '--config is of one model', { hint: 'name it: mbconv models b0 --config' })
  if (width !== undefined || depth !== undefined || phi !== undefined)
    throw new MbconvError('ERR_USAGE', '--width, --depth and --phi scale one model', {
      hint: 'name it: mbconv models efficientnet_b0 --phi 1',
    })
  const all = list().map((name) => {
    const model = arch(name)
    return { model, counts: count(model, { numClasses: classes, resolution }) }
  })
  // Their figures are for their own resolution and classes only.
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
    String(counts.resolution),
    model.dropout.toFixed(1),
    format.whole(counts.params),
    format.whole(counts.macs),
  ])
  for (const { name, resolution, params, macs } of others)
    rows.push([`${name} *`, '', '', String(resolution), '', format.whole(params), format.whole(macs)])
  const mark = others.length > 0 ? [output.paint('dim', '* to compare with; it cannot be built here.')] : []
  output.result(...table(columns, rows, output.paint), '', ...mark, ...countingRule(output))
}

function showOne(model: Arch, { classes }: ModelsOptions, output: Output): void {
  const { counts, stages, columns, rows } = summary(model, { numClasses: classes })
  output.data({ arch: model, counts, stages, countingRule: COUNTING_RULE })
  const { paint } = output
  const facts = [
    `width ${format.short(model.width)}`,
    `depth ${format.short(model.depth)}`,
    `${model.resolution} px`,
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

/** The table written out as `model:`, for a network with stages of one's own to begin with. */
function showConfig(base: Arch, options: ModelsOptions, output: Output): void {
  const { stem, stages, head, resolution, divisor, dropout } = scaled(base, options)
  const texts = stages.map(formatStage)
  output.data({ name: base.name, stem, stages: texts, head, resolution, divisor, dropout })
  const keys = { head, resolution, divisor, dropout }
  output.result(
    'model:',
    `  name: ${base.name} # what the stages do not say: activation, squeeze-excitation, how it scales`,
    `  stem: ${stem}`,
    '  stages:',
    ...texts.map((text) => `    - ${text}`),
    ...Object.entries(keys).map(([key, value]) => `  ${key}: ${value}`),
  )
}

/** What the figures mean; figures by another rule are no figures to compare with. */
const countingRule = ({ columns, paint }: Output): string[] =>
  wrap(`Counted: ${COUNTING_RULE}.`, Math.min(columns, 100)).map((line) => paint('dim', line))
