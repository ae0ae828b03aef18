// Races one row: gives every contestant the same network and images, leaves out those that compute something else, and lets
// the others take turns.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startChild } from './child.mjs'
import { CONTESTANTS, commandOf, toleranceOf } from './contestants.mjs'
import { race } from './rounds.mjs'
import { titleOf } from './rows.mjs'
import { median } from './statistics.mjs'

/** Of the order in which contestants take their turns. */
const SEED = 1
/** Steps in which the time outside of native code is measured. */
const CLOCKED_STEPS = 9

/** ‖a − b‖ / ‖b‖; infinite for outputs of different sizes. */
function distance(a, b) {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY
  const norm = (values) => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0))
  return norm(b.map((value, i) => value - a[i])) / norm(b)
}

/** Writes the files of a row, and returns its exact logits and its multiply-adds. */
function prepare(row, files, threads) {
  const spec = JSON.stringify({ ...row, threads, files })
  const script = join(import.meta.dirname, 'prepare.mjs')
  const run = spawnSync(process.execPath, [script, spec], { encoding: 'utf8', maxBuffer: 2 ** 28 })
  if (run.status !== 0) throw new Error(`${row.name} could not be prepared: ${run.stderr}`)
  return JSON.parse(run.stdout)
}

/** The share of a training step that is spent outside of native code. */
async function shareOutside(row, files, setting) {
  const ours = CONTESTANTS.find(({ id }) => id === 'mbconv')
  const { command, env } = commandOf(ours, row, { ...setting, files, isClocked: true })
  const child = await startChild(command, env)
  await child.run(2)
  const { seconds, inside } = await child.run(CLOCKED_STEPS)
  await child.stop()
  return median(seconds.map((each, i) => 1 - inside[i] / each))
}

/** The files of a row, by what a spec calls them. */
const filesIn = (folder) => ({
  images: join(folder, 'images.f32'),
  weights: join(folder, 'weights.pth'),
  onnx: join(folder, 'model.onnx'),
})

/**
 * @param row see ./rows.mjs
 * @param contestants those of ./contestants.mjs that can race here
 * @param {{python: string, env: NodeJS.ProcessEnv, threads: number, rounds: number, turn: number, longest: number,
 *   note: (text: string) => void}} setting turn and longest: see ./rounds.mjs
 * @returns {Promise<object>} the row with `macs`; `contestants` with the seconds of their `rounds`, their peak memory, and
 *   `error`, the distance from the exact output; those who compute something else (`wrong`); those who `failed`; the share
 *   of time `outside` of native code, null in a prediction; `versions`
 * @throws Error if mbconv itself fails
 */
export async function raceRow(row, contestants, setting) {
  const { note } = setting
  note(`${titleOf(row)} …`)
  const folder = mkdtempSync(join(tmpdir(), 'mbconv-race-'))
  const remove = () => rmSync(folder, { recursive: true, force: true })
  process.once('exit', remove) // when the race is interrupted
  const files = filesIn(folder)
  const [started, wrong, failures] = [[], [], []]
  const failed = ({ id, label, isOurs }, error) => {
    if (isOurs) throw new Error(`${id}, ${row.name}: ${error.message}`, { cause: error })
    note(`  ${label} failed: ${error.message}`)
    failures.push({ id, label, reason: error.message })
  }
  const stopAll = async () => {
    while (started.length > 0) await started.pop().stop()
  }
  try {
    const { macs, logits } = prepare(row, files, setting.threads)
    for (const contestant of contestants.filter(({ tasks }) => tasks.includes(row.task))) {
      const { command, env } = commandOf(contestant, row, { ...setting, files })
      try {
        const child = await startChild(command, env)
        started.push({ ...contestant, ...child, error: distance(child.ready.logits, logits) })
      } catch (error) {
        failed(contestant, error)
      }
    }
    const isRight = (each) => each.error <= toleranceOf(each)
    for (const each of started.filter((each) => !isRight(each))) {
      wrong.push({ id: each.id, label: each.label, error: each.error, tolerance: toleranceOf(each) })
    }
    const versions = Object.assign({}, ...started.map(({ ready }) => ready.versions))
    const raced = await race(started.filter(isRight), { ...setting, seed: SEED, failed })
    const results = raced.map(({ contestant: { id, label, error, ready }, ...rest }) => ({
      ...{ id, label, error, base: ready.base },
      ...rest,
    }))
    for (const { label, rounds } of results) note(`  ${label}: ${(1000 * median(rounds)).toFixed(2)} ms`)
    await stopAll()
    const outside = row.task === 'train' ? await shareOutside(row, files, setting) : null
    return { ...row, macs, contestants: results, wrong, failed: failures, outside, versions }
  } finally {
    await stopAll()
    remove()
    process.off('exit', remove)
  }
}
