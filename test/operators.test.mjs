// docs/operators.md lists every typed operation, and what callOp reaches besides: compared with what there is.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import * as mb from 'mbconv'
import t from 'tap'

const script = fileURLToPath(new URL('../scripts/operators.mjs', import.meta.url))

t.test('docs/operators.md is up to date', async (t) => {
  const run = spawnSync(process.execPath, [script, '--check'], { encoding: 'utf8' })
  t.equal(run.status, 0, run.stderr + run.stdout)
})

t.test('every operator listed can be asked for its schemas', async (t) => {
  const names = mb.opNames()
  t.ok(names.includes('aten::add') && names.includes('aten::lgamma_'))
  t.match(mb.opSchemas('aten::lgamma').join(), /lgamma\(Tensor self\)/)
})
