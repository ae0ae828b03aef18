/** `mbconv scale`: scales a network to a budget and prints the `model:` of a training configuration. */
import { MbconvError } from '../../errors/error'
import { EXIT } from '../../errors/exit-codes'
import type { Arch } from '../../models/arch/arch'
import type { CommandDescription, OptionDescription } from '../command-line/command'
import { device, number, oneOf, wholeNumber } from '../command-line/values'
import type { ScaleOptions } from '../input/budget'
import * as format from '../view/format'
import { Output } from '../view/output'

/** An option for a base of compound scaling; the default is the paper's. */
const baseOption = (flags: string, name: 'alpha' | 'beta' | 'gamma', what: string): OptionDescription => ({
  flags,
  help() {
    const { PAPER_BASES } = require('../../models/arch/scaling.js') as typeof import('../../models/arch/scaling')
    return `${what} (default: ${PAPER_BASES[name]})`
  },
  parse: number,
})

export const scaleCommand: CommandDescription = {
  name: 'scale',
  summary: 'scale an architecture to a budget; gives the model: of a configuration',
  arguments: [{ name: '<name>', help: 'an architecture' }],
  options: [
    { flags: '--macs <amount>', help: 'multiply-adds of an image: 1.5G, or 4x for four times the base' },
    { flags: '--params <amount>', help: 'parameters: 20M, 4x' },
    { flags: '--memory <amount>', help: 'tensor memory at most: 8GiB, 4x' },
    { flags: '--latency <amount>', help: 'measured time of a batch: 10ms, 4x' },
    {
      flags: '--dimension <name>',
      help() {
        const { DIMENSIONS } = require('../../models/fit/request.js') as typeof import('../../models/fit/request')
        return `${oneOf(DIMENSIONS)} (default: ${DIMENSIONS[0]})`
      },
    },
    { flags: '--compare', help: 'all four at the same budget, as a table' },
    {
      flags: '--tolerance <share>',
      help() {
        const { TOLERANCES } = require('../../models/fit/request.js') as typeof import('../../models/fit/request')
        const { macs, latency } = TOLERANCES
        return `how far off is near enough (default: ${100 * macs}%, for latency ${100 * latency}%)`
      },
    },
    baseOption('--alpha <number>', 'alpha', 'depth base of compound scaling'),
    baseOption('--beta <number>', 'beta', 'width base'),
    baseOption('--gamma <number>', 'gamma', 'resolution base'),
    { flags: '--width <factor>', help: "of the base: multiply the architecture's channels first", parse: number },
    { flags: '--depth <factor>', help: 'of the base: multiply its layers', parse: number },
    { flags: '--resolution <px>', help: 'of the base: side of the input', parse: wholeNumber },
    { flags: '--divisor <n>', help: 'of base and result: channels are multiples of this', parse: wholeNumber },
    { flags: '--step <px>', help: 'resolutions are multiples of this', parse: wholeNumber },
    { flags: '--classes <n>', help: 'classes of the classifier', parse: wholeNumber, default: 1000 },
    { flags: '--channels <n>', help: 'channels of the image', parse: wholeNumber, default: 3 },
    { flags: '--train', help: 'memory or latency of a training step' },
    { flags: '--batch <n>', help: 'images at once, for memory and latency', parse: wholeNumber },
    { flags: '--dtype <dtype>', help: 'of the tensors, for memory and latency' },
    {
      flags: '--optimizer <name>',
      help() {
        const { optimizerNames } = require('../../optim/kinds.js') as typeof import('../../optim/kinds')
        return `${oneOf(optimizerNames)}, for memory`
      },
    },
    { flags: '--no-ema', help: 'without averaged weights, for memory' },
    { flags: '--runs <n>', help: 'timed runs of a candidate, for latency', parse: wholeNumber },
    { flags: '--device <device>', help: 'cpu, cuda or cuda:N, for latency', parse: device },
  ],
  examples: [
    'mbconv scale b0 --macs 4x > model.yaml',
    'mbconv scale b0 --width 0.5 --resolution 64 --macs 4x --compare',
    'mbconv scale b0 --memory 8GiB --train --batch 32',
  ],
  run,
}

async function run(name: string, options: ScaleOptions): Promise<number> {
  const output = new Output(options)
  const { asUsageErrors } = await import('../command-line/usage-error.js')
  const { scale } = await import('../../models/arch/scaling.js')
  const { archNamed } = await import('../input/model-name.js')
  // A value that no network can have is a usage error.
  return asUsageErrors(['ERR_VALUE', 'ERR_TYPE'], () => {
    const { width = 1, depth = 1, divisor } = options
    const named = archNamed(name)
    const base = scale(named, { width, depth, resolution: options.resolution ?? named.resolution, divisor })
    return options.compare ? compare(base, options, output) : scaleOne(base, options, output)
  })
}

async function scaleOne(base: Arch, options: ScaleOptions, output: Output): Promise<number> {
  const { fit } = await import('../../models/fit/fit.js')
  const { dimensionOf, fitOptionsOf } = await import('../input/budget.js')
  const { configLines, fitTable, measuredLines, missed } = await import('../view/fits.js')
  const result = fit(fitOptionsOf(base, dimensionOf(options.dimension), options))
  output.note(...measuredLines(result))
  output.note(...fitTable(base, [result], options, output))
  if (!output.json && !result.reached) throw missed(result, () => fit(fitOptionsOf(base, 'compound', options)).reached)
  output.data(result)
  output.result(...configLines(base, result))
  return result.reached ? EXIT.ok : EXIT.failure
}

/** Scales along every dimension to the same budget. */
async function compare(base: Arch, options: ScaleOptions, output: Output): Promise<number> {
  if (options.dimension !== undefined)
    throw new MbconvError('ERR_USAGE', '--compare shows every dimension', { hint: 'leave --dimension out' })
  const { fit } = await import('../../models/fit/fit.js')
  const { budgetOf, DIMENSIONS_IN_ORDER, fitOptionsOf } = await import('../input/budget.js')
  const { fitTable } = await import('../view/fits.js')
  const { countingRule } = await import('../view/model-tables.js')
  const { metric } = budgetOf(options)
  // The number of parameters does not depend on the resolution.
  const dimensions = DIMENSIONS_IN_ORDER.filter((dimension) => metric !== 'params' || dimension !== 'resolution')
  const results = dimensions.map((dimension) => fit(fitOptionsOf(base, dimension, options)))
  output.data(results)
  output.result(...fitTable(base, results, options, output), '', ...countingRule(output))
  const missing = results.filter(({ reached }) => !reached)
  if (missing.length > 0)
    output.note(
      `not within ${format.percent(results[0].tolerance)}: ${missing.map((each) => each.dimension).join(', ')}`,
    )
  return EXIT.ok
}
