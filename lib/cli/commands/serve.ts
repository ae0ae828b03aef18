/** `mbconv serve`: answers HTTP requests with a trained model. */
import { InvalidArgumentError } from 'commander'
import type { Precision } from '../../optim/precision'
import type { CommandDescription, GlobalOptions } from '../command-line/command'
import { DEVICE, IMAGE_OPTIONS } from '../command-line/options'
import { index, number, wholeNumber, wholeUpTo } from '../command-line/values'
import { Output } from '../view/output'

/** No other machine can connect to this address. */
const ADDRESS = '127.0.0.1'
const PORT = 8080

export const serveCommand: CommandDescription = {
  name: 'serve',
  summary: 'answer HTTP requests with what is in an image, on this machine',
  arguments: [
    {
      name: '[model]',
      help: 'folder of a run or a checkpoint, a .safetensors or .onnx file with a card, published weights (default: the newest run in runs/)',
    },
  ],
  options: [
    { flags: '--port <n>', help: `port on ${ADDRESS}; 0 is a free one`, parse: port, default: PORT },
    { flags: '--batch <n>', help: 'images at once (default: 8, on a GPU 32)', parse: wholeNumber },
    {
      flags: '--max-delay <ms>',
      help: 'how long a request waits for others to share its batch (default: 2)',
      parse: number,
    },
    { flags: '--threads <n>', help: 'threads of the CPU to compute with', parse: wholeUpTo(1024) },
    { flags: '--precision <name>', help: 'of the forward pass: float32, bf16, fp16 or auto (default: float32)' },
    DEVICE,
    ...IMAGE_OPTIONS,
  ],
  examples: [
    'mbconv serve runs/photos-20260101-120000',
    'mbconv serve model.onnx --port 9000',
    'mbconv serve --port 9000 --max-delay 2',
  ],
  run,
}

interface ServeOptions extends GlobalOptions {
  port: number
  batch?: number
  maxDelay?: number
  threads?: number
  precision?: 'auto' | Precision
  device?: string
  colorManagement?: boolean
  maxPixels?: number
}

function port(text: string): number {
  const value = index(text)
  if (value > 65_535) throw new InvalidArgumentError('It must be at most 65535.')
  return value
}

async function run(given: string | undefined, { port: wanted, ...options }: ServeOptions): Promise<number> {
  const output = new Output(options)
  const { batch: batchSize, maxDelay: maxDelayMs, threads, precision, device, colorManagement, maxPixels } = options
  const { newestRunOrThrow } = await import('../input/runs.js')
  const { usedCheckpoint } = await import('../input/used-checkpoint.js')
  const { loadPredictor } = await import('../../serving/predictor.js')
  const { createPredictionServer } = await import('../../serving/http-server.mjs')
  const { listening } = await import('../../serving/listening.js')
  const { exitOfInterruption, stopOnSignals } = await import('../../process/signals.js')
  const model = given ?? newestRunOrThrow()
  const used = await usedCheckpoint(model)
  const note = (text: string) => output.note(output.paintNote('dim', text))
  if (used) note(used)
  const predictor = await loadPredictor(model, {
    ...{ threads, precision, device, colorManagement, maxPixels },
    ...(batchSize !== undefined && { batchSize }),
    ...(maxDelayMs !== undefined && { maxDelayMs }),
  })
  const stop = new AbortController()
  const stopped = new Promise<void>((resolve) => stop.signal.addEventListener('abort', () => resolve()))
  const restore = stopOnSignals(stop, () => note('answers what has come; once more ends at once'))
  try {
    const { url, port, close } = await listening(createPredictionServer(predictor), wanted, ADDRESS)
    output.data({ url, port, model: predictor.path, runtime: predictor.runtime, device: predictor.device })
    output.result(url)
    note(`curl --data-binary @photo.jpg ${url} asks for a prediction; Ctrl-C ends it`)
    await stopped
    await close()
    return exitOfInterruption(stop.signal.reason)
  } finally {
    restore()
    await predictor.close()
  }
}
