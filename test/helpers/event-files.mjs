/**
 * A run in two event files, as the logger writes them, at fixed times: the second one begins after step 3 and drops what
 * the first has after it. `node test/helpers/event-files.mjs FOLDER` writes them, for scripts/goldens/event_files.py.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { internal } from './internals.mjs'

const TIME = 1_700_000_000.25

/** Numbers whose sums are exact, so that the histogram is the same everywhere. */
const WEIGHTS = Float32Array.from({ length: 128 }, (_, i) => (i - 32) / 64)

/** The files by name. */
export function eventFiles() {
  const { fileHeader, histograms, pictures, scalars, sessionStart, text } = internal('eventFile')
  const { pngOfPlanes } = internal('pixelsPng')
  const at = (step) => ({ step, time: TIME + step })
  const train = (step, loss) => scalars(at(step), { 'train/loss': loss, 'train/lr': 2 ** -step })
  const planes = Uint8Array.from({ length: 3 * 2 * 4 }, (_, i) => 10 * i)
  const first = [
    fileHeader(TIME),
    sessionStart(at(0)),
    text(at(0), 'configuration', '    { "epochs": 2 }'),
    pictures(
      at(0),
      new Map([
        ['test images/0 cat', pngOfPlanes(planes, [3, 2, 4])],
        ['test images/1 猫', pngOfPlanes(planes.subarray(0, 8), [1, 2, 4])],
      ]),
    ),
    histograms(at(0), [
      ['stem.weight', WEIGHTS],
      ['stem.bias', Float32Array.of(0.5, 0.5)],
    ]),
    ...[1, 2, 3, 4, 5].map((step) => train(step, 8 / step)),
    scalars(at(3), { 'test/loss': 1.5, 'test/top1': 0.75 }),
  ]
  const second = [
    fileHeader(TIME + 100),
    sessionStart({ ...at(4), time: TIME + 100 }),
    ...[4, 5, 6].map((step) => train(step, step === 6 ? Number.NaN : 4 / step)),
    scalars(at(6), { 'test/loss': 1, 'test/top1': 0.875 }),
  ]
  return {
    'events.out.tfevents.1700000000.mbconv': Buffer.concat(first),
    'events.out.tfevents.1700000100.mbconv': Buffer.concat(second),
  }
}

if (process.argv[1] === import.meta.filename) {
  const [folder] = process.argv.slice(2)
  mkdirSync(folder, { recursive: true })
  for (const [name, bytes] of Object.entries(eventFiles())) writeFileSync(path.join(folder, name), bytes)
}
