import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { train } from 'mbconv'
import t from 'tap'
import { lockRun, unlockRun } from '../dist/io/lock.js'
import { runScript, tinyConfig } from './helpers/tiny.mjs'

const lockOf = (dir) => JSON.parse(readFileSync(join(dir, '.lock'), 'utf8'))
const writeLock = (dir, changes) => {
  const lock = { pid: process.pid, began: null, host: hostname(), token: 'theirs', ...changes }
  writeFileSync(join(dir, '.lock'), JSON.stringify(lock))
}

t.test('one holder at a time, also within a process', async (t) => {
  const dir = t.testdir()
  lockRun(dir, 'mine')
  t.match(lockOf(dir), { pid: process.pid, host: hostname(), token: 'mine' })
  t.throws(() => lockRun(dir, 'other'), {
    code: 'ERR_IO',
    message: new RegExp(`in use by process ${process.pid}`),
    hint: /\.lock/,
  })
  unlockRun(dir, 'other')
  t.equal(lockOf(dir).token, 'mine', "another run's release does nothing")
  unlockRun(dir, 'mine')
  t.notOk(existsSync(join(dir, '.lock')))
  unlockRun(dir, 'mine')
  lockRun(dir, 'other')
  unlockRun(dir, 'other')
  t.strictSame(readdirSync(dir), [], 'nothing else stays')
})

t.test('the lock of a killed process is taken over', async (t) => {
  const dir = t.testdir()
  const { signal } = await runScript(`
    import lock from '$dist/io/lock.js'
    lock.lockRun(${JSON.stringify(dir)}, 'theirs')
    process.kill(process.pid, 'SIGKILL')`)
  t.equal(signal, 'SIGKILL')
  t.equal(lockOf(dir).token, 'theirs')
  lockRun(dir, 'mine')
  t.equal(lockOf(dir).token, 'mine')
  t.strictSame(readdirSync(dir), ['.lock'])
})

t.test(
  'a process id that was given out again does not hold the lock',
  { skip: process.platform !== 'linux' && 'process start times are read from /proc' },
  async (t) => {
    const dir = t.testdir()
    const sleeper = spawn('sleep', ['100'])
    await once(sleeper, 'spawn')
    writeLock(dir, { pid: sleeper.pid, began: '1' })
    lockRun(dir, 'mine')
    t.equal(lockOf(dir).token, 'mine')
    unlockRun(dir, 'mine')

    const stat = readFileSync(`/proc/${sleeper.pid}/stat`, 'utf8')
    writeLock(dir, { pid: sleeper.pid, began: stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] })
    t.throws(() => lockRun(dir, 'mine'), { code: 'ERR_IO' }, 'the same process does')
    sleeper.kill()
  },
)

t.test('locks that say nothing, or of another machine', async (t) => {
  const dir = t.testdir()
  for (const text of ['', '{"pid":', '[]', '{"pid":-1}']) {
    writeFileSync(join(dir, '.lock'), text)
    lockRun(dir, 'mine')
    t.equal(lockOf(dir).token, 'mine', JSON.stringify(text))
    unlockRun(dir, 'mine')
  }
  writeLock(dir, { pid: 99999999, host: 'elsewhere' })
  t.throws(() => lockRun(dir, 'mine'), { code: 'ERR_IO', message: /process 99999999 on elsewhere/ })
})

t.test('of many that rush for a stale lock one gets it', async (t) => {
  const dir = t.testdir()
  const dist = new URL('../dist/io/lock.js', import.meta.url).pathname
  // All wait for the same moment, and hold what they got until everyone has tried.
  const script = `
    const fs = require('node:fs')
    const { lockRun } = require(${JSON.stringify(dist)})
    const step = (text) => { fs.writeSync(1, text + '\\n'); fs.readSync(0, Buffer.alloc(1)) }
    step('ready')
    let outcome = 'got'
    try { lockRun(${JSON.stringify(dir)}, String(process.pid)) } catch (error) { outcome = error.code }
    step(outcome)`
  for (let round = 0; round < 4; round++) {
    writeLock(dir, { pid: 99999999 })
    const racers = Array.from({ length: 4 }, () => spawn(process.execPath, ['-e', script]))
    const hear = (racer) => once(racer.stdout, 'data').then(([text]) => String(text).trim())
    await Promise.all(racers.map(hear))
    for (const racer of racers) racer.stdin.write('.')
    const outcomes = await Promise.all(racers.map(hear))
    t.strictSame(outcomes.sort(), ['ERR_IO', 'ERR_IO', 'ERR_IO', 'got'], `round ${round}`)
    for (const racer of racers) racer.stdin.write('.')
    await Promise.all(racers.map((racer) => once(racer, 'close')))
  }
  t.strictSame(readdirSync(dir), ['.lock'], 'nothing else stays')
})

t.test('two runs do not write the same folder', async (t) => {
  const dir = t.testdir()
  const config = tinyConfig(dir, { top: { epochs: 50 } })
  const controller = new AbortController()
  const run = train(config, { signal: controller.signal })
  const runDir = await run.runDir
  await t.rejects(train(undefined, { resume: runDir }).result, { code: 'ERR_IO', message: /in use/ })
  const cli = `
    import { train } from '$mbconv'
    train(undefined, { resume: ${JSON.stringify(runDir)} }).result.catch((error) => console.log(error.code))`
  t.equal((await runScript(cli)).stdout, 'ERR_IO\n', 'from another process')
  controller.abort()
  await run.result
  t.notOk(existsSync(join(runDir, '.lock')))
  t.ok(execFileSync('ls', ['-a', runDir], { encoding: 'utf8' }).includes('result.json'))
})
