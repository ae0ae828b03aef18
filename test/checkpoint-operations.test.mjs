import { join } from 'node:path'
import t from 'tap'
import { inspect, SAVER } from './helpers/saver.mjs'
import { runScript } from './helpers/tiny.mjs'

t.test('killed at every single file operation of a save', async (t) => {
  const dir = t.testdir()
  const script = (runDir, at) => `${SAVER}
    const runDir = ${JSON.stringify(runDir)}
    fs.mkdirSync(runDir + '/checkpoints', { recursive: true })
    save(runDir, 1)
    let operations = 0
    for (const name of ['openSync', 'writeSync', 'fsyncSync', 'closeSync', 'mkdirSync', 'renameSync', 'rmSync']) {
      const original = fs[name]
      fs[name] = (...args) => {
        if (operations++ === ${at}) process.kill(process.pid, 'SIGKILL')
        return original(...args)
      }
    }
    save(runDir, 2)
    checkpoint.pruneCheckpoints(runDir, 1, 2)`
  const steps = []
  for (let at = 0; ; at++) {
    const runDir = join(dir, String(at))
    const { signal, code, stderr } = await runScript(script(runDir, at))
    if (signal !== 'SIGKILL') {
      t.equal(code, 0, stderr)
      break
    }
    const { step, warnings, whole } = inspect(runDir)
    t.ok(whole && warnings.length === 0, `before operation ${at}: step ${step}`)
    steps.push(step)
  }
  t.ok(steps.length > 20, `${steps.length} operations`)
  t.strictSame([...new Set(steps)], [1, 2], 'the old one until the new one is there')
})
