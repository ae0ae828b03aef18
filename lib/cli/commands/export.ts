/** `mbconv export`: writes a trained model, or other weights, as an ONNX file or a file of weights, with its model card. */
import { basename } from 'node:path'
import { MbconvError } from '../../errors/error'
import { EXIT } from '../../errors/exit-codes'
import type { Resolution } from '../../models/arch/resolution'
import type { ModelCard } from '../../models/export/card'
import type { ExportedFiles, ExportFilesOptions } from '../../models/export/files'
import { OPSETS } from '../../models/export/opset'
import type { Network } from '../../models/network/network'
import { PROFILE_NAMES, type ProfileName } from '../../models/network/profiles'
import type { ExportedWeights } from '../../models/weights/export-weights'
import { SAVED_SCHEMES, type SavedScheme } from '../../models/weights/schemes'
import type { CommandDescription, GlobalOptions } from '../command-line/command'
import { RUN_ARGUMENT } from '../command-line/options'
import { resolution as parseResolution, wholeNumber } from '../command-line/values'
import * as format from '../view/format'
import { Output } from '../view/output'

export const exportCommand: CommandDescription = {
  name: 'export',
  summary: 'write a model as ONNX file, or its weights for PyTorch, with its model card',
  arguments: [RUN_ARGUMENT],
  options: [
    {
      flags: '--out <file>',
      help: 'the file: .onnx, or .safetensors or .pth for weights alone; the card lies beside it',
      default: 'model.onnx',
    },
    {
      flags: '--scheme <name>',
      help: 'whose names the tensors of a file of weights get (default: mbconv)',
      choices: SAVED_SCHEMES,
    },
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
    { flags: '--weights <file>', help: 'file of safetensors or torch.save to export, with --model' },
    {
      flags: '--entry <name>',
      help: 'which weights of a file that has several (default: the averaged ones, as timm)',
    },
    {
      flags: '--profile <name>',
      help: 'numeric profile of --weights (default: what its file and --model tell)',
      choices: PROFILE_NAMES,
    },
    { flags: '--as-is', help: 'keep --profile, or write for --scheme, though the results there are others' },
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
    'mbconv export runs/digits-20260101-120000 --scheme timm --out digits.pth',
  ],
  run,
}

interface ExportOptions extends GlobalOptions, ExportFilesOptions {
  out: string
  scheme?: SavedScheme
  asIs?: boolean
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
  const [file, facts, others] = 'onnx' in exported ? onnxLines(exported) : weightsLines(exported)
  output.result(
    `${output.paint('green', format.shortPath(file))}  ${output.paint('dim', facts)}`,
    ...others.filter((other) => other !== null).map(format.shortPath),
  )
  return EXIT.ok
}

type Lines = [file: string, facts: string, others: (string | null)[]]

function onnxLines({ onnx, card, safetensors, bytes, nodes, opset, input, output }: ExportedFiles): Lines {
  const facts = `${format.scaled(bytes)}B, ${format.whole(nodes)} nodes, opset ${opset}`
  const shape = `${input.name} ${input.type}[${input.shape.join(', ')}] to ${output.name}[${output.shape.join(', ')}]`
  return [onnx, `${facts}; ${shape}`, [card, safetensors]]
}

function weightsLines({ weights, card, bytes, tensors, scheme, name }: ExportedWeights): Lines {
  const whose = name === null ? `${scheme}'s names` : `for ${scheme}'s ${name}`
  return [weights, `${format.scaled(bytes)}B, ${format.whole(tensors)} tensors, ${whose}`, [card]]
}

/** Writes a network and its card in the form that the options ask for. */
type Write = (network: Network, card: ModelCard) => ExportedFiles | ExportedWeights

async function writerOf(options: ExportOptions): Promise<Write> {
  const { out, scheme, asIs = false, opset, fold, pixels, safetensors } = options
  if (/\.onnx$/i.test(out)) {
    if (scheme !== undefined) {
      const hint = 'write the weights alone: --out NAME.pth or NAME.safetensors'
      throw new MbconvError('ERR_USAGE', '--scheme is for files of weights, and --out is an ONNX file', { hint })
    }
    const { exportFiles } = await import('../../models/export/files.js')
    return (network, card) => exportFiles('export', network, card, out, { opset, fold, pixels, safetensors })
  }
  if (pixels || safetensors || fold === false || opset !== OPSETS.default) {
    const message = '--opset, --no-fold, --pixels and --safetensors are for ONNX files'
    throw new MbconvError('ERR_USAGE', message, { hint: 'leave them out, or let --out end in .onnx' })
  }
  const { exportWeights } = await import('../../models/weights/export-weights.js')
  return (network, card) =>
    exportWeights(network, card, out, { scheme, profile: asIs && scheme !== 'mbconv' ? 'as-is' : undefined })
}

/** Exports a run, unless an option names other weights. */
async function exportAsAsked(
  named: string | undefined,
  options: ExportOptions,
  output: Output,
): Promise<ExportedFiles | ExportedWeights> {
  const { pretrained, model, weights, entry, profile, classes, resolution, asIs } = options
  const loading = { pretrained, model, weights, entry, profile, classes, resolution }
  const given = Object.entries(loading).filter(([, value]) => value !== undefined)
  const write = await writerOf(options)
  if (given.length === 0) {
    const { newestRunOrThrow } = await import('../input/runs.js')
    const folder = named ?? newestRunOrThrow()
    const { withTrained } = await import('../../inference/export.js')
    if (named === undefined) output.note(output.paintNote('dim', `run: ${folder}`))
    const { usedCheckpoint } = await import('../input/used-checkpoint.js')
    const used = await usedCheckpoint(folder)
    if (used) output.note(output.paintNote('dim', used))
    return withTrained(folder, write)
  }
  if (named !== undefined)
    throw new MbconvError('ERR_USAGE', `--${given[0][0]} is for weights of elsewhere, not for a run`, {
      hint: 'a run knows its model: mbconv export RUN',
    })
  return pretrained === undefined
    ? exportFile({ ...loading, asIs }, write, output)
    : exportPretrained(loading, write, output)
}

type Loading = Pick<
  ExportOptions,
  'pretrained' | 'model' | 'weights' | 'entry' | 'profile' | 'classes' | 'resolution' | 'asIs'
>

async function exportFile(loading: Loading, write: Write, output: Output): Promise<ReturnType<Write>> {
  const { model: name, weights, entry, profile, classes: numClasses = 1000, resolution, asIs } = loading
  if (name === undefined || weights === undefined)
    throw new MbconvError('ERR_USAGE', 'weights of elsewhere need --model and --weights', {
      hint: 'for example: mbconv export --model b0 --weights b0.safetensors --profile timm, or --pretrained NAME',
    })
  const { archNamed } = await import('../input/model-name.js')
  archNamed(name) // an unknown name is a usage error
  const { create } = await import('../../models/network/create.js')
  const { describeLoad, loadWeights } = await import('../../models/weights/load.js')
  const { makeCard } = await import('../../models/export/card.js')
  const network = create(name, { profile, numClasses, init: 'none' })
  try {
    const isForced = asIs === true && profile !== undefined
    const report = loadWeights(network, weights, { entry, profile: isForced ? 'as-is' : undefined })
    for (const note of describeLoad(weights, report)) output.note(note)
    if (report.reinitialized.length > 0)
      throw new MbconvError('ERR_USAGE', `${weights} is for another number of classes than ${numClasses}`, {
        hint: 'give its own with --classes',
      })
    return write(
      network,
      makeCard(network, { source: basename(weights), preprocessing: resolution ? { resolution } : {} }),
    )
  } finally {
    network.dispose()
  }
}

/** For published weights, everything except the file is known from their name. */
async function exportPretrained(loading: Loading, write: Write, output: Output): Promise<ReturnType<Write>> {
  const { pretrained: name, weights, entry, ...rest } = loading
  const [superfluous] = Object.entries(rest).find(([, value]) => value !== undefined) ?? []
  if (superfluous !== undefined)
    throw new MbconvError('ERR_USAGE', `--${superfluous} follows from --pretrained`, { hint: 'leave it out' })
  const { pretrained } = await import('../../models/weights/pretrained.js')
  const { describeLoad } = await import('../../models/weights/load.js')
  const { network, card, report, path } = pretrained(name as string, { path: weights, entry })
  try {
    for (const note of describeLoad(path, report)) output.note(note)
    return write(network, card)
  } finally {
    network.dispose()
  }
}
