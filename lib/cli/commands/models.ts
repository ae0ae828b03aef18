/** `mbconv models`: lists the architectures, or shows one stage by stage. Counted from tables; nothing is built. */
import { MbconvError } from '../../errors/error'
import { EXIT } from '../../errors/exit-codes'
import type { Arch } from '../../models/arch/arch'
import type { Resolution } from '../../models/arch/resolution'
import type { CommandDescription, GlobalOptions } from '../command-line/command'
import { number, resolution as parseResolution, wholeNumber } from '../command-line/values'
import { Output } from '../view/output'

export const modelsCommand: CommandDescription = {
  name: 'models',
  summary: 'list the architectures, or the stages of one; parameters and multiply-adds are counted',
  arguments: [{ name: '[name]', help: 'an architecture' }],
  options: [
    { flags: '--width <factor>', help: 'multiply the channels', parse: number },
    { flags: '--depth <factor>', help: 'multiply the layers of each stage', parse: number },
    { flags: '--resolution <px>', help: 'side of the input, or height and width: 96x384', parse: parseResolution },
    {
      flags: '--phi <number>',
      help() {
        const { PAPER_BASES } = require('../../models/arch/scaling.js') as typeof import('../../models/arch/scaling')
        const { alpha, beta, gamma } = PAPER_BASES
        return `compound scaling with the paper's ${alpha}, ${beta} and ${gamma} to this power`
      },
      parse: number,
    },
    { flags: '--classes <n>', help: 'classes of the classifier', parse: wholeNumber, default: 1000 },
    { flags: '--config', help: 'the table as the model: of a configuration, to be changed' },
  ],
  examples: [
    'mbconv models',
    'mbconv models efficientnet_b0 --width 0.25 --depth 0.5 --resolution 32',
    'mbconv models b0 --config > model.yaml',
  ],
  run,
}

interface ModelsOptions extends GlobalOptions {
  width?: number
  depth?: number
  resolution?: Resolution
  phi?: number
  classes: number
  /** Print the table as part of a training configuration. */
  config?: boolean
}

async function run(name: string | undefined, options: ModelsOptions): Promise<number> {
  const output = new Output(options)
  const { asUsageErrors } = await import('../command-line/usage-error.js')
  const { showAll, showConfig, showOne } = await import('../view/model-tables.js')
  // A value that no network can have is a usage error.
  await asUsageErrors(['ERR_VALUE'], async () => {
    if (name === undefined) {
      refuseScaling(options)
      return showAll(options, output)
    }
    const { archNamed } = await import('../input/model-name.js')
    const named = archNamed(name)
    const model = await scaled(named, options)
    if (options.config) showConfig(named.name, model, output)
    else showOne(model, options.classes, output)
  })
  return EXIT.ok
}

/** The list shows all architectures as published, so scaling options are refused. */
function refuseScaling({ width, depth, phi, config }: ModelsOptions): void {
  if (config)
    throw new MbconvError('ERR_USAGE', '--config is of one model', { hint: 'name it: mbconv models b0 --config' })
  if (width !== undefined || depth !== undefined || phi !== undefined)
    throw new MbconvError('ERR_USAGE', '--width, --depth and --phi scale one model', {
      hint: 'name it: mbconv models efficientnet_b0 --phi 1',
    })
}

async function scaled(from: Arch, { width = 1, depth = 1, resolution, phi }: ModelsOptions): Promise<Arch> {
  const { compound, scale } = await import('../../models/arch/scaling.js')
  const { checkSquare } = await import('../../models/arch/resolution.js')
  if (phi !== undefined && resolution !== undefined) checkSquare('models', resolution, 'compound scaling')
  const formula =
    phi === undefined
      ? { width: 1, depth: 1, resolution: from.resolution }
      : compound({ phi, resolution: checkSquare('models', from.resolution, 'compound scaling') })
  return scale(from, {
    width: width * formula.width,
    depth: depth * formula.depth,
    resolution: resolution ?? formula.resolution,
  })
}
