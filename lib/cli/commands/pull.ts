/** `mbconv pull`: downloads published weights to the weights folder; `--list` lists them. */
import path from 'node:path'
import { MbconvError } from '../../errors/error'
import { EXIT } from '../../errors/exit-codes'
import type { CommandDescription, GlobalOptions } from '../command-line/command'
import * as format from '../view/format'
import { Output } from '../view/output'

export const pullCommand: CommandDescription = {
  name: 'pull',
  summary: 'fetch published weights into the folder of weights, where models.pretrained looks',
  arguments: [{ name: '[name...]', help: "timm's names of weights" }],
  options: [{ flags: '--list', help: 'the weights there are, and how images are prepared for each' }],
  examples: ['mbconv pull tf_efficientnet_b0.ns_jft_in1k', 'mbconv pull --list'],
  run,
}

interface PullOptions extends GlobalOptions {
  list?: boolean
}

async function run(names: string[], options: PullOptions): Promise<number> {
  const output = new Output(options)
  if (options.list) return showList(output)
  if (names.length === 0)
    throw new MbconvError('ERR_USAGE', 'no weights are named', { hint: 'mbconv pull --list shows which there are' })
  const { pull } = await import('../../models/weights/pull.js')
  const { pulledLine } = await import('../view/published-weights.js')
  const { DownloadLine } = await import('../view/download-progress.js')
  const { exitOfInterruption, onSignals } = await import('../../process/signals.js')
  const controller = new AbortController()
  let status: number = EXIT.failure
  const restore = onSignals((signal) => {
    status = exitOfInterruption(signal)
    if (controller.signal.aborted) process.exit(status)
    controller.abort()
  })
  try {
    for (const name of names) {
      await refuseUnknown(name)
      const line = new DownloadLine(name, process.stderr, output.quiet || output.json)
      const pulled = await pull(name, {
        signal: controller.signal,
        onProgress: (progress) => line.show(progress),
        onNote: (text) => line.note(text),
      }).finally(() => line.end())
      output.data(pulled)
      output.result(pulledLine(pulled))
    }
    return EXIT.ok
  } catch (error) {
    if (!(error instanceof MbconvError) || error.code !== 'ERR_ABORTED') throw error
    output.note(`stopped; the same command goes on where it was: mbconv pull ${names.join(' ')}`)
    return status
  } finally {
    restore()
  }
}

/** An unknown name is a usage error. */
async function refuseUnknown(name: string): Promise<void> {
  const { publishedWeightsNamed } = await import('../../models/weights/published.js')
  try {
    publishedWeightsNamed(name)
  } catch (error) {
    const { message, hint } = error as MbconvError
    // The library's message begins with a function's name, which the user of the command does not know: remove it.
    throw new MbconvError('ERR_USAGE', message.replace(/^\w+: /, ''), { hint, cause: error })
  }
}

async function showList(output: Output): Promise<number> {
  const { publishedWeights, weightsFolder } = await import('../../models/weights/published.js')
  const { publishedTable } = await import('../view/published-weights.js')
  const all = publishedWeights()
  output.data(all)
  output.result(...publishedTable(all, output))
  output.note(`they are kept in ${format.shortPath(path.resolve(weightsFolder()))}`)
  return EXIT.ok
}
