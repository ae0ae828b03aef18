/** `mbconv export`: a trained model, or weights from elsewhere, as ONNX file with its model card. */
import { basename } from 'node:path'
import { MbconvError } from '../../errors/error'
import type { ExportedFiles, ExportFilesOptions } from '../../models/export/files'
import type { ProfileName } from '../../models/network/profiles'
import { newestRunOrThrow, shortPath } from '../input/runs'
import * as format from '../view/format'
import { type GlobalOptions, Output } from '../view/output'
import { known } from './models'

export interface ExportOptions extends GlobalOptions, ExportFilesOptions {
  out: string
  pretrained?: string
  model?: string
  weights?: string
  entry?: string
  profile?: ProfileName
  classes?: number
  resolution?: number
}

export async function exportModel(run: string | undefined, options: ExportOptions): Promise<number> {
  const output = new Output(options)
  const { pretrained, model, weights, entry, profile, classes, resolution, out, opset, fold, pixels, safetensors } =
    options
  const files = { opset, fold, pixels, safetensors }
  const loading = { pretrained, model, weights, entry, profile, classes, resolution }
  const given = Object.entries(loading).filter(([, value]) => value !== undefined)
  let exported: ExportedFiles
  try {
    if (given.length === 0) {
      const folder = run ?? newestRunOrThrow()
      const { exportRun } = await import('../../inference/export.js')
      if (run === undefined) output.note(output.paintNote('dim', `run: ${folder}`))
      exported = exportRun(folder, { out, ...files })
    } else {
      if (run !== undefined)
        throw new MbconvError('ERR_USAGE', `--${given[0][0]} is for weights of elsewhere, not for a run`, {
          hint: 'a run knows its model: mbconv export RUN',
        })
      exported = await (pretrained === undefined ? exportWeights : exportPretrained)(loading, out, files, output)
    }
  } catch (error) {
    // A number that no file can have was typed; the library cannot know that.
    if (error instanceof MbconvError && error.code === 'ERR_VALUE')
      throw new MbconvError('ERR_USAGE', error.message, { hint: error.hint, cause: error })
    throw error
  }
  output.data(exported)
  const { onnx, card, safetensors: state, bytes, nodes, input } = exported
  const facts = `${format.scaled(bytes)}B, ${format.whole(nodes)} nodes, opset ${exported.opset}`
  const shape = `${input.name} ${input.type}[${input.shape.join(', ')}] to logits[${exported.output.shape.join(', ')}]`
  output.result(
    `${output.paint('green', shortPath(onnx))}  ${output.paint('dim', `${facts}; ${shape}`)}`,
    ...[card, state].filter((file) => file !== null).map(shortPath),
  )
  return 0
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
  const arch = known(name)
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

/** A checkpoint that `mbconv pull` knows brings all that is not its file along. */
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
