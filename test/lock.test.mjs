import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import fs, { existsSync, mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { train } from 'mbconv'
import t from 'tap'
import { freeLock, noteChildren, takeLock } from '../lib/files/lock-file.cjs'
import { internal, internalPath } from './helpers/internals.mjs'
import { runScript, tinyConfig } from './helpers/tiny.mjs'

const { lockRun, unlockRun } = internal('lock')

const require = createRequire(import.meta.url)
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
    import lock from ${JSON.stringify(internalPath('lock'))}
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
  const dist = internalPath('lock')
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

/** Without hard links from here to the end of the test, as on some network and memory cards' file systems. */
function withoutLinks(t) {
  const { linkSync } = fs
  fs.linkSync = () => {
    throw Object.assign(new Error('EPERM: operation not permitted, link'), { code: 'EPERM' })
  }
  t.teardown(() => {
    fs.linkSync = linkSync
  })
}

t.test('dates are not believed: neither of the lock nor of a turn of taking it over', async (t) => {
  const sleeper = spawn('sleep', ['100'])
  await once(sleeper, 'spawn')
  t.teardown(() => sleeper.kill('SIGKILL'))
  const gone = { pid: 99999999 }
  for (const date of [new Date(0), new Date(), new Date('2100-01-01')]) {
    const dir = t.testdir({})
    const [lock, turn] = ['.lock', '.lock.turn'].map((name) => join(dir, name))
    const put = (file, owner) => {
      writeFileSync(file, JSON.stringify({ began: null, host: hostname(), token: 'theirs', ...owner }))
      utimesSync(file, date, date)
    }
    put(lock, { pid: sleeper.pid })
    t.equal(
      takeLock(lock, 'mine').pid,
      sleeper.pid,
      `a living process's lock of ${date.getUTCFullYear()} is not stolen`,
    )
    put(lock, gone)
    put(turn, { pid: sleeper.pid })
    t.equal(takeLock(lock, 'mine', { patience: 0 }).pid, sleeper.pid, 'nor its turn')
    for (const name of [turn, `${turn}.turn`]) put(name, gone)
    t.equal(takeLock(lock, 'mine'), null, 'of a process that is gone neither stays')
    t.equal(lockOf(dir).token, 'mine')
    t.strictSame(readdirSync(dir), ['.lock'])
  }
})

t.test(
  'a process that has ended and waits for its parent holds nothing',
  { skip: process.platform !== 'linux' && 'its state is read from /proc' },
  async (t) => {
    const dir = t.testdir()
    // The shell is replaced by a program that does not ask for its child's end.
    const parent = spawn('sh', ['-c', 'sleep 0 & echo $!; exec sleep 100'], { stdio: ['ignore', 'pipe', 'ignore'] })
    t.teardown(() => parent.kill('SIGKILL'))
    const pid = Number(String((await once(parent.stdout, 'data'))[0]))
    const state = () => readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1][0]
    while (state() !== 'Z') await new Promise((resolve) => setTimeout(resolve, 10))
    writeLock(dir, { pid })
    lockRun(dir, 'mine')
    t.equal(lockOf(dir).token, 'mine')
  },
)

t.test('whenever another one tries in between, one has it', async (t) => {
  // After the n-th call of one that takes a lock, another takes it, too: for each n, from each beginning.
  const stale = JSON.stringify({ pid: 99999999, began: null, host: hostname(), token: 'theirs' })
  const beginnings = [
    [],
    ['.lock'],
    ['.lock', '.lock.turn'],
    ['.lock.turn'],
    ['.lock', '.lock.turn', '.lock.turn.turn'],
  ]
  const names = [
    'linkSync',
    'openSync',
    'writeFileSync',
    'readFileSync',
    'renameSync',
    'mkdirSync',
    'copyFileSync',
    'rmSync',
  ]
  for (const links of [true, false]) {
    await t.test(links ? 'with hard links' : 'without', async (t) => {
      if (!links) withoutLinks(t)
      const real = Object.fromEntries(names.map((name) => [name, fs[name]]))
      const root = t.testdir({})
      let [count, at, meanwhile] = [0, -1, () => {}]
      t.teardown(() => Object.assign(fs, real))
      for (const name of names) {
        fs[name] = (...args) => {
          try {
            return real[name](...args)
          } finally {
            if (count++ === at) meanwhile()
          }
        }
      }
      let tried = 0
      for (const [index, files] of beginnings.entries()) {
        for (at = 0; ; at++) {
          const dir = join(root, `${index}-${at}`)
          mkdirSync(dir, { recursive: true })
          for (const file of files) real.writeFileSync(join(dir, file), stale)
          const lock = join(dir, '.lock')
          let other
          meanwhile = () => {
            other = takeLock(lock, 'other', { patience: 0 })
          }
          count = 0
          const mine = takeLock(lock, 'mine', { patience: 0 })
          if (count <= at) break
          tried++
          if (other === undefined) continue // it saw a moment in which nobody had it
          const owner = JSON.parse(real.readFileSync(links ? lock : join(lock, 'owner'))).token
          const got = [mine === null && 'mine', other === null && 'other'].filter(Boolean)
          if (got.length !== 1 || got[0] !== owner) t.fail(`${files} ${at}: ${got} have it, ${owner} is named`)
        }
      }
      t.ok(tried > 60, `${tried} moments`)
    })
  }
})

t.test('without hard links', async (t) => {
  withoutLinks(t)
  const dir = t.testdir()
  const lock = join(dir, '.lock')
  t.equal(takeLock(lock, 'mine'), null)
  t.equal(takeLock(lock, 'other').token, 'mine')
  noteChildren(lock, 'mine', [{ pid: 1, began: '5' }])
  t.match(takeLock(lock, 'other'), { token: 'mine', children: [{ pid: 1, began: '5' }] })
  freeLock(lock, 'other')
  t.equal(takeLock(lock, 'other').token, 'mine')
  freeLock(lock, 'mine')
  t.strictSame(readdirSync(dir), [])
  writeLock(dir, { pid: 99999999 })
  t.equal(takeLock(lock, 'mine'), null, 'a stale one with links is taken over')
  t.strictSame(readdirSync(dir), ['.lock'])
})

t.test('a pipe in its place', async (t) => {
  const dir = t.testdir()
  execFileSync('mkfifo', [join(dir, '.lock')])
  t.throws(() => lockRun(dir, 'mine'), { code: 'ERR_IO', message: /not a regular file/ })
  t.strictSame(readdirSync(dir), ['.lock'])
})

t.test('many that are killed at any moment: never two inside, and nothing stays', async (t) => {
  const dir = t.testdir()
  const lock = join(dir, 'lock')
  const script = `
    const fs = require('node:fs')
    const { takeLock, freeLock } = require(${JSON.stringify(require.resolve('../lib/files/lock-file.cjs'))})
    const inside = ${JSON.stringify(join(dir, 'inside'))}
    for (let n = 0; ; n++) {
      const token = process.pid + '-' + n
      if (takeLock(${JSON.stringify(lock)}, token) !== null) continue
      fs.writeFileSync(inside, token)
      for (let i = 0; i < 5; i++) {
        if (fs.readFileSync(inside, 'utf8') === token) continue
        fs.writeSync(1, 'two\\n')
        process.exit(1)
      }
      freeLock(${JSON.stringify(lock)}, token)
      fs.writeSync(1, '.')
    }`
  let heard = ''
  const start = () => {
    const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
    child.stdout.on('data', (text) => {
      heard += text
    })
    return child
  }
  const children = Array.from({ length: 4 }, start)
  for (let kills = 0; kills < 20; kills++) {
    // The next one dies somewhere in its work, once somebody has got through.
    const before = heard.length
    while (heard.length < before + 5 && !heard.includes('two')) await new Promise((resolve) => setTimeout(resolve, 1))
    const [child] = children.splice(kills % children.length, 1)
    child.kill('SIGKILL')
    children.push(start())
  }
  await Promise.all(
    children.map((child) => {
      const closed = once(child, 'close')
      child.kill('SIGKILL')
      return closed
    }),
  )
  t.notMatch(heard, /two/)
  t.equal(takeLock(lock, 'last'), null)
  freeLock(lock, 'last')
  t.strictSame(readdirSync(dir), ['inside'])
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
