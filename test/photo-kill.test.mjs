/*
 * Training on image files that is killed, as kill -9 does, at random moments: resumed, it ends with the weights of a run
 * that was never stopped. Three runs; MBCONV_KILLED_RUNS=60 node test/photo-kill.test.mjs makes sixty.
 */
import { readFileSync, realpathSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { killRandom } from './helpers/kill-seed.mjs'
import { writePhotos } from './helpers/photo-folder.mjs'
import { metricsOf, runScript } from './helpers/tiny.mjs'

const sharp = await import('sharp').then(
  ({ default: found }) => found,
  () => undefined, // optional: the tests that need it say that they are skipped
)
const skip = !sharp && 'the optional package sharp is not installed'

const RUNS = Number(process.env.MBCONV_KILLED_RUNS ?? 3)

/** Everything random is switched on. */
const configOf = (dir, name, loaderThreads) => ({
  ...{ seed: 9, device: 'cpu', threads: 1, precision: 'bf16' },
  model: { name: 'efficientnet_b0', width: 0.25, depth: 0.1, resolution: 32, dropout: 0.2, dropPath: 0.2 },
  data: {
    ...{ dataset: 'folder', folder: { path: join(dir, 'photos') }, batchSize: 8, evalBatchSize: 16, loaderThreads },
    sampler: 'balanced',
    augment: {
      flip: true,
      crop: { scale: [0.3, 1] },
      operations: [{ name: 'trivialAugmentWide' }, { name: 'colorJitter' }, { name: 'randomErasing', mode: 'pixel' }],
      mix: { mixup: 0.2, cutmix: 1 },
    },
  },
  optimizer: { name: 'adamw', lr: 0.01 },
  schedule: { name: 'cosine' },
  ema: { decay: 0.9 },
  ...{ epochs: 3, evalEveryEpochs: 3, checkpoint: { everySteps: 1, keep: 2 } },
  run: { dir: join(dir, 'runs'), name, curves: false },
})

/** Trains in a process of its own, and kills it some time after a step. */
async function trained(config, { resume, killAt, delay }) {
  const kill = new AbortController()
  const onLine = (line) => {
    if (line === `step ${killAt}`) setTimeout(() => kill.abort(), delay)
  }
  const source = `
    import { train } from '$mbconv'
    const run = train(${JSON.stringify(resume ? undefined : config)}, ${JSON.stringify({ resume })})
    for await (const event of run) if (event.type === 'step') console.log('step ' + event.step)`
  return runScript(source, { onLine, kill: kill.signal })
}

const weights = (runDir, step) => {
  const folder = join(runDir, 'checkpoints', `step-${String(step).padStart(6, '0')}`)
  return ['model', 'ema', 'optimizer'].map((part) => readFileSync(join(folder, `${part}.safetensors`)))
}
const lossesOf = (runDir) => metricsOf(runDir).map(({ step, loss, top1 }) => [step, loss, top1])

t.test('killed runs end with the weights of one that was not', { skip }, async (t) => {
  const dir = realpathSync(t.testdir())
  await writePhotos(sharp, join(dir, 'photos'), { each: 12 })
  const whole = join(dir, 'runs', 'whole')
  const first = await trained(configOf(dir, 'whole', 1), {})
  t.equal(first.code, 0, first.stderr)
  const steps = JSON.parse(readFileSync(join(whole, 'result.json'), 'utf8')).steps
  t.ok(steps >= 6, `${steps} steps`)
  const random = killRandom(t)
  let kills = 0
  for (let run = 0; run < RUNS; run++) {
    const runDir = join(dir, 'runs', `killed-${run}`)
    // Other threads than the whole run's: the images must not depend on them.
    const config = configOf(dir, `killed-${run}`, run % 3)
    const killAt = 1 + Math.floor(random() * (steps - 1))
    const { signal } = await trained(config, { killAt, delay: 60 * random() })
    if (signal === 'SIGKILL') kills++
    const last = await trained(config, { resume: runDir })
    t.equal(last.code, 0, last.stderr)
    const [ours, wanted] = [weights(runDir, steps), weights(whole, steps)]
    for (const [i, part] of ['model', 'ema', 'optimizer'].entries())
      t.ok(ours[i].equals(wanted[i]), `run ${run}: ${part} is the same, bit for bit`)
    t.strictSame(lossesOf(runDir), lossesOf(whole), 'and so is every loss')
    rmSync(runDir, { recursive: true })
  }
  t.ok(kills >= RUNS, `${kills} processes were killed`)
})
