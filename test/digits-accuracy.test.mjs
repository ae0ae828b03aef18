// The demonstration learns: configs/digits.yaml, whole, with its own seed. scripts/bench/digits.mjs runs three seeds and
// watches the time too.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as mb from 'mbconv'
import t from 'tap'

t.test('the digits are learnt: ≥ 97.2 % of 360 unseen images', async (t) => {
  const file = fileURLToPath(new URL('../configs/digits.yaml', import.meta.url))
  const { config } = mb.parseConfigFile(file, [`--run.dir=${t.testdir()}`, '--run.name=run'])
  const result = await mb.train(config).result
  t.ok(result.top1 >= 0.972, `top-1 ${result.top1}`)
  t.equal(
    result.confusion.flat().reduce((a, b) => a + b),
    360,
  )
  for (const name of ['curves.svg', 'curves.png', 'metrics.jsonl', 'result.json']) {
    t.ok(existsSync(join(result.runDir, name)), name)
  }
  const again = await mb.evaluateRun(result.runDir)
  t.equal(again.top1, result.best.top1, 'evaluating the best checkpoint gives the same accuracy')
})
