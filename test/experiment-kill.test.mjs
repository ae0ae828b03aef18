// An experiment whose runner is killed again and again, at any moment, through the real command.
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { killRandom } from './helpers/kill-seed.mjs'
import { tinyData } from './helpers/tiny.mjs'

const MAIN = path.resolve('dist/cli/main.js')
const KILLS = 10

/** Two arms under two seeds, 36 steps each; everything random switched on. */
function writeExperiment(cwd) {
  const spec = {
    name: 'tiny',
    base: { name: 'efficientnet_b0', width: 0.25, depth: 0.1, resolution: 8, dropout: 0.2, dropPath: 0.2 },
    data: { ...tinyData(path.join(cwd, 'data')), augment: { rotate: 10, flip: true } },
    train: {
      ...{ epochs: 9, evalEveryEpochs: 3, checkpoint: { everyEpochs: 9, everySteps: 7 } },
      optimizer: { name: 'rmsprop', lr: 0.001 },
    },
    arms: ['base', { width: 1.5, id: 'wide' }],
    seeds: 2,
    jobs: 2,
    estimate: false,
  }
  fs.writeFileSync(path.join(cwd, 'tiny.yaml'), JSON.stringify(spec))
}

/**
 * Runs the command to its end, or kills it.
 *
 * @param kill once `when` says so, asked at every piece of output with the lines so far, and then so many milliseconds later
 */
function run(cwd, dir, kill) {
  const child = spawn(
    process.execPath,
    [MAIN, 'experiment', 'run', 'tiny.yaml', '--dir', dir, '--json', '--no-report'],
    {
      cwd,
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  )
  let [lines, stderr, armed] = [0, '', false]
  const arm = () => {
    if (kill === undefined || armed || !kill.when(lines)) return
    armed = true
    setTimeout(() => child.kill('SIGKILL'), kill.milliseconds)
  }
  arm()
  child.stdout.on('data', (text) => {
    lines += String(text).split('\n').length - 1
    arm()
  })
  child.stderr.on('data', (text) => {
    stderr += text
  })
  return new Promise((resolve) => child.on('close', (status, signal) => resolve({ status, signal, stderr })))
}

/** The complete lines: a kill, or this test, may have torn the last one. */
const linesOf = (file) => (fs.existsSync(file) ? fs.readFileSync(file, 'utf8').split('\n').slice(0, -1) : [])

/** Jobs that have made steps and are not over. */
function halfDone(folder) {
  const jobs = path.join(folder, 'jobs')
  if (!fs.existsSync(jobs)) return []
  const over = new Set(
    linesOf(path.join(folder, 'results.jsonl')).map((line) => {
      const { arm, seed } = JSON.parse(line)
      return `${arm}-s${seed}`
    }),
  )
  return fs.readdirSync(jobs).filter((id) => !over.has(id) && fs.existsSync(path.join(jobs, id, 'metrics.jsonl')))
}

/** Processes that run jobs of this experiment still. */
const orphans = (folder) =>
  fs
    .readdirSync(path.join(folder, 'jobs'))
    .filter((name) => name.endsWith('.lock'))
    .filter((name) => {
      const { pid } = JSON.parse(fs.readFileSync(path.join(folder, 'jobs', name), 'utf8'))
      return fs.existsSync(`/proc/${pid}`)
    })

t.setTimeout(240_000)

t.test('killed ten times at random moments, it ends with the same results', async (t) => {
  const cwd = t.testdir()
  writeExperiment(cwd)
  const undisturbed = await run(cwd, 'whole')
  t.equal(undisturbed.status, 0, undisturbed.stderr)
  const expected = linesOf(path.join(cwd, 'whole', 'tiny-default', 'results.jsonl'))
  t.equal(expected.length, 4)

  const folder = path.join(cwd, 'killed', 'tiny-default')
  const results = path.join(folder, 'results.jsonl')
  const random = killRandom(t)
  let [kills, half, torn] = [0, 0, 0]
  while (kills < KILLS || half === 0) {
    // Lines of output, so that the time a start takes does not matter: from before the plan to some way into a job. The
    // first kills come before anything is finished, later ones when there is something to lose. Should none of them hit
    // a training, one more waits for it.
    const most = Math.floor(random() * (4 + 3 * kills))
    const atRandom = { when: (lines) => lines >= most, milliseconds: 400 * random() }
    const inTraining = { when: () => halfDone(folder).length > 0, milliseconds: 0 }
    const kill = kills < KILLS ? atRandom : inTraining
    const { signal, status, stderr } = await run(cwd, 'killed', kill)
    if (signal !== 'SIGKILL') {
      t.equal(status, 0, stderr)
      t.comment(`the experiment was over after ${kills} kills; the last finished job is taken away`)
      // Not over yet, then: its last line and record are lost.
      const lines = linesOf(results)
      const { arm, seed } = JSON.parse(lines.pop())
      fs.writeFileSync(results, lines.map((line) => `${line}\n`).join(''))
      for (const end of ['', '.json'])
        fs.rmSync(path.join(folder, 'jobs', `${arm}-s${seed}${end}`), { recursive: true })
      continue
    }
    kills++
    if (halfDone(folder).length > 0) half++
    // A kill in the middle of writing a line is rare; here it is, once there is a line.
    if (torn === 0 && linesOf(results).length > 0) {
      fs.truncateSync(results, fs.statSync(results).size - 40)
      torn++
    }
  }
  const { status, stderr } = await run(cwd, 'killed')
  t.equal(status, 0, stderr)
  t.comment(`${half} of ${kills} kills left a training half done, ${torn} a line`)
  t.same(linesOf(results).sort(), expected.sort())
  t.same(orphans(folder), [], 'no process is left behind')
})
