/** `mbconv pull`: weights of a checkpoint into the folder of weights; `--list` shows which there are. */
import path from 'node:path'
import { EXIT, MbconvError } from '../../errors/error'
import type { CommandDescription, GlobalOptions } from '../command-line/command'
import * as format from '../view/format'
import { Output } from '../view/output'

export const pullCommand: CommandDescription = {
  name: 'pull',
  summary: "fetch a checkpoint's weights into the folder of weights, where models.pretrained looks",
  arguments: [{ name: '[name...]', help: "timm's names of checkpoints" }],
  options: [{ flags: '--list', help: 'the checkpoints there are, with what images want before each' }],
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
    throw new MbconvError('ERR_USAGE', 'no checkpoint given', { hint: 'mbconv pull --list shows which there are' })
  const { pull } = await import('../../models/weights/pull.js')
  const { pulledLine } = await import('../view/checkpoints.js')
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

/** A name that does not exist is a wrong call of the command. */
async function refuseUnknown(name: string): Promise<void> {
  const { checkpointNamed } = await import('../../models/weights/published.js')
  try {
    checkpointNamed(name)
  } catch (error) {
    const { message, hint } = error as MbconvError
    // The library begins with the function that refused, which nobody has called here.
    throw new MbconvError('ERR_USAGE', message.replace(/^\w+: /, ''), { hint, cause: error })
  }
}

async function showList(output: Output): Promise<number> {
  const { checkpoints, weightsFolder } = await import('../../models/weights/published.js')
  const { checkpointTable } = await import('../view/checkpoints.js')
  const all = checkpoints()
  output.data(all)
  output.result(...checkpointTable(all, output))
  output.note(`they are kept in ${format.shortPath(path.resolve(weightsFolder()))}`)
  return EXIT.ok
}
