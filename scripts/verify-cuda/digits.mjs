/* Trains the handwritten digits as a user would: configs/digits.yaml, in the worker thread, on the device. */
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import mb from 'mbconv'

/** Top-1 on the 360 test images. */
const TARGET = 0.97

export async function checkDigits(report, { device }) {
  await report.check(`digits trained on ${device}: top-1 at least ${100 * TARGET} %`, async () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'mbconv-verify-'))
    try {
      const file = fileURLToPath(new URL('../../configs/digits.yaml', import.meta.url))
      const overrides = [`--device=${device}`, `--run.dir=${folder}`, '--run.name=digits']
      const { config } = mb.parseConfigFile(file, overrides)
      const { top1, seconds, steps } = await mb.train(config).result
      const detail = `${(100 * top1).toFixed(2)} %, ${steps} steps in ${seconds.toFixed(1)} s`
      return { ok: top1 >= TARGET, detail, top1, trainingSeconds: seconds }
    } finally {
      fs.rmSync(folder, { recursive: true, force: true })
    }
  })
}
