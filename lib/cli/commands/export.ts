/** `mbconv export`: writes a trained model, or other weights, as an ONNX file with its model card. */
import { basename } from 'node:path'
import { MbconvError } from '../../errors/error'
import { EXIT } from '../../errors/exit-codes'
import type { Resolution } from '../../models/arch/resolution'
import type { ExportedFiles, ExportFilesOptions } from '../../models/export/files'
import { OPSETS } from '../../models/export/opset'
import { PROFILE_NAMES, type ProfileName } from '../../models/network/profiles'
import type { CommandDescription, GlobalOptions } from '../command-line/command'
import { RUN_ARGUMENT } from '../command-line/options'
import { resolution as parseResolution, wholeNumber } from '../command-line/values'
import * as format from '../view/format'
import { Output } from '../view/output'

export const exportCommand: CommandDescription = {
  name: 'export',
  summary: 'write a model as ONNX file, with its model card',
  arguments: [RUN_ARGUMENT],
  options: [
    { flags: '--out <file>', help: 'the ONNX file; the card lies beside it', default: 'model.onnx' },
    {
      flags: '--opset <n>',
      help: `version of ONNX's operators, ${OPSETS.min} to ${OPSETS.max}`,
      parse: wholeNumber,
      default: OPSETS.default,
    },
    { flags: '--no-fold', help: 'keep batch norms apart from the convolutions' },
    { flags: '--pixels', help: 'the input is uint8 pixels; normalising them is part of the file' },
    { flags: '--safetensors', help: 'write the weights as safetensors, too' },
    {
      flags: '--pretrained <name>',
      help: 'export published weights (mbconv pull --list has the names); --weights may name their file',
    },
    { flags: '--model <name>', help: 'architecture of the file that --weights names' },
    { flags: '--weights <file>', help: 'file of safetensors or torch.save to export, with --model and --profile' },
    {
      flags: '--entry <name>',
      help: 'which weights of a file that has several (default: the averaged ones, as timm)',
    },
    { flags: '--profile <name>', help: 'numeric profile of --weights', choices: PROFILE_NAMES },
    { flags: '--classes <n>', help: 'number of classes of --weights (default: 1000)', parse: wholeNumber },
    {
      flags: '--resolution <px>',
      help: "input of --weights: its side, or height and width as 96x384 (default: the architecture's)",
      parse: parseResolution,
    },
  ],
  examples: [
    'mbconv export runs/digits-20260101-120000 --out digits.onnx',
    'mbconv export --model b0 --weights efficientnet_b0.safetensors --profile timm --out b0.onnx',
  ],
  run,
}

interface ExportOptions extends GlobalOptions, ExportFilesOptions {
  out: string
  pretrained?: string
  model?: string
  weights?: string
  entry?: string
  profile?: ProfileName
  classes?: number
  resolution?: Resolution
}

async function run(named: string | undefined, options: ExportOptions): Promise<number> {
  const output = new Output(options)
  const { asUsageErrors } = await import('../command-line/usage-error.js')
  // A value that no file can have is a usage error.
  const exported = await asUsageErrors(['ERR_VALUE'], () => exportAsAsked(named, options, output))
  output.data(exported)
  const { onnx, card, safetensors: state, bytes, nodes, input } = exported
  const facts = `${format.scaled(bytes)}B, ${format.whole(nodes)} nodes, opset ${exported.opset}`
  const shape = `${input.name} ${input.type}[${input.shape.join(', ')}] to logits[${exported.output.shape.join(', ')}]`
  output.result(
    `${output.paint('green', format.shortPath(onnx))}  ${output.paint('dim', `${facts}; ${shape}`)}`,
    ...[card, state].filter((file) => file !== null).map(format.shortPath),
  )
  return EXIT.ok
}

/** Exports a run, unless an option names other weights. */
async function exportAsAsked(
  named: string | undefined,
  options: ExportOptions,
  output: Output,
): Promise<ExportedFiles> {
  const { pretrained, model, weights, entry, profile, classes, resolution, out, opset, fold, pixels, safetensors } =
    options
  const files = { opset, fold, pixels, safetensors }
  const loading = { pretrained, model, weights, entry, profile, classes, resolution }
  const given = Object.entries(loading).filter(([, value]) => value !== undefined)
  if (given.length === 0) {
    const { newestRunOrThrow } = await import('../input/runs.js')
    const folder = named ?? newestRunOrThrow()
    const { exportRun } = await import('../../inference/export.js')
    if (named === undefined) output.note(output.paintNote('dim', `run: ${folder}`))
    const { usedCheckpoint } = await import('../input/used-checkpoint.js')
    const used = await usedCheckpoint(folder)
    if (used) output.note(output.paintNote('dim', used))
    return exportRun(folder, { out, ...files })
  }
  if (named !== undefined)
    throw new MbconvError('ERR_USAGE', `--${given[0][0]} is for weights of elsewhere, not for a run`, {
      hint: 'a run knows its model: mbconv export RUN',
    })
  return (pretrained === undefined ? exportWeights : exportPretrained)(loading, out, files, output)
}

type Loading = Pick<ExportOptions, 'pretrained' | 'model' | 'weights' | 'entry' | 'profile' | 'classes' | 'resolution'>

async function exportWeights(
  loading: Loading,
  out: string,
  files: ExportFilesOptions,
  output: Output,
): Promise<ExportedFiles> {
  const { model: name, weights, entry, profile, classes: numClasses = 1000, resolution } = loading
  if (name === undefined || weights === undefined || profile === undefined)
    throw new MbconvError('ERR_USAGE', 'weights of elsewhere need --model, --weights and --profile', {
      hint: 'for example: mbconv export --model b0 --weights b0.safetensors --profile timm, or --pretrained NAME',
    })
  const { archNamed } = await import('../input/model-name.js')
  const arch = archNamed(name)
  const { create } = await import('../../models/network/create.js')
  const { describeLoad, loadWeights } = await import('../../models/weights/load.js')
  const { makeCard } = await import('../../models/export/card.js')
  const { exportFiles } = await import('../../models/export/files.js')
  const network = create(arch, { profile, numClasses, init: 'none' })
  try {
    const report = loadWeights(network, weights, { entry })
    for (const note of describeLoad(weights, report)) output.note(note)
    if (report.reinitialized.length > 0)
      throw new MbconvError('ERR_USAGE', `${weights} is for another number of classes than ${numClasses}`, {
        hint: 'give its own with --classes',
      })
    const card = makeCard(network, { source: basename(weights), preprocessing: resolution ? { resolution } : {} })
    return exportFiles('export', network, card, out, files)
  } finally {
    network.dispose()
  }
}

/** For published weights, everything except the file is known from their name. */
async function exportPretrained(
  loading: Loading,
  out: string,
  files: ExportFilesOptions,
  output: Output,
): Promise<ExportedFiles> {
  const { pretrained: name, weights, entry, ...rest } = loading
  const [superfluous] = Object.entries(rest).find(([, value]) => value !== undefined) ?? []
  if (superfluous !== undefined)
    throw new MbconvError('ERR_USAGE', `--${superfluous} follows from --pretrained`, { hint: 'leave it out' })
  const { pretrained } = await import('../../models/weights/pretrained.js')
  const { describeLoad } = await import('../../models/weights/load.js')
  const { exportFiles } = await import('../../models/export/files.js')
  const { network, card, report, path } = pretrained(name as string, { path: weights, entry })
  try {
    for (const note of describeLoad(path, report)) output.note(note)
    return exportFiles('export', network, card, out, files)
  } finally {
    network.dispose()
  }
}
