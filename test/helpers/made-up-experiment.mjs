/*
 * Experiments that nobody ran: every accuracy in them is made up, to have something to report. Their names say so.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const config = { model: { name: 'efficientnet_b0', width: 0.25 }, epochs: 10 }
const versions = { mbconv: '0.1.0', node: 'v20.19.0', libtorch: '2.13.0' }
const BASE = 1_530_000

/** Relative cost, accuracy per seed, and what the arm is. */
function arm(id, series, macs, { dimension = series, times = 4, ...rest } = {}) {
  const coefficients = { depth: 1, width: 1, resolution: 32, ...(rest.coefficients ?? {}) }
  const budgetError = series === 'baseline' ? null : macs / (times * BASE) - 1
  const params = Math.round(42_000 * Math.sqrt(macs / BASE))
  const label = `${dimension} d ${coefficients.depth}, w ${coefficients.width}, r ${coefficients.resolution}`
  return { id, label, series, params, macs, budgetError, config, phase: 0, ...rest, coefficients }
}

/** A plan of these arms. */
export function plan(arms, changes = {}) {
  return {
    format: 1,
    name: 'made-up',
    title: 'Made-up numbers: the same cost spent in five ways',
    question: 'Nothing was trained here. Does the report say what these numbers allow?',
    profile: 'fixture',
    base: { name: 'efficientnet_b0', arch: 'efficientnet_b0', params: 42_000, macs: BASE },
    budget: { macs: 4 * BASE, times: 4, tolerance: 0.03 },
    metric: 'top1',
    chance: 0.1,
    seeds: [0, 1, 2],
    device: 'cpu',
    data: { dataset: 'scenes', scenes: { classes: 10, train: 5000, test: 2000 } },
    arms,
    refused: [],
    comparisons: ['depth', 'width', 'resolution'].map((against) => ({ arm: 'compound', against })),
    limits: { minutes: 30, memory: 4 * 2 ** 30 },
    versions,
    revision: '0123456789abcdef0123456789abcdef01234567',
    machine: { host: 'nowhere', cpu: 'made-up CPU', cores: 2, memory: 8 * 2 ** 30, gpus: [] },
    ...changes,
  }
}

/** The five arms of the same cost, and the base. */
export const FIVE = [
  arm('base', 'baseline', BASE),
  arm('depth', 'depth', 4.03 * BASE, { coefficients: { depth: 4.5 } }),
  arm('width', 'width', 3.95 * BASE, { coefficients: { width: 2.1 } }),
  arm('resolution', 'resolution', 4.08 * BASE, { coefficients: { resolution: 65 } }),
  arm('compound', 'compound', 4.01 * BASE, {
    coefficients: { depth: 1.7, width: 1.33, resolution: 44 },
    compound: { alpha: 1.2, beta: 1.1, gamma: 1.15, phi: 2 },
  }),
]

/** Accuracies of the five arms under three seeds. Compound is ahead of depth beyond doubt, of width not. */
export const ACCURACIES = {
  base: [0.6135, 0.607, 0.6205],
  depth: [0.647, 0.642, 0.6525],
  width: [0.687, 0.659, 0.6735],
  resolution: [0.6615, 0.6575, 0.667],
  compound: [0.6935, 0.686, 0.6985],
}

export function done(arm, seed, top1) {
  const rest = { loss: 2 - 1.5 * top1, params: arm.params, macs: arm.macs, steps: 780, epochs: 10 }
  const top5 = Math.min(1, top1 + 0.25)
  return { arm: arm.id, seed, status: 'done', attempt: 1, top1, top5, ...rest, config, versions, revision: null }
}

export function failed(arm, seed, message = 'loss is NaN at step 12', code = 'ERR_DIVERGED') {
  const nothing = { top1: null, top5: null, loss: null, steps: null, epochs: null }
  const rest = { params: arm.params, macs: arm.macs, config, versions, revision: null }
  return { arm: arm.id, seed, status: 'failed', attempt: 2, ...nothing, ...rest, error: { code, message } }
}

/** Rows of accuracies by arm, in the order of the plan's seeds. */
export const rowsOf = ({ arms, seeds }, accuracies) =>
  arms.flatMap((entry) =>
    (accuracies[entry.id] ?? [])
      .slice(0, seeds.length)
      .flatMap((top1, i) => (top1 === null ? [] : [done(entry, seeds[i], top1)])),
  )

export const timingsOf = (rows) =>
  rows.map(({ arm, seed, attempt, macs }) => ({
    arm,
    seed,
    attempt,
    seconds: 20 + (30 * macs) / BASE,
    wallSeconds: 25 + (30 * macs) / BASE,
    peakBytes: 300 * 2 ** 20,
    finishedAt: '2026-01-01T00:00:00.000Z',
    device: 'cpu',
    threads: 1,
  }))

/** Writes an experiment's folder. */
export function writeExperiment(folder, plan, rows, timings = timingsOf(rows)) {
  mkdirSync(folder, { recursive: true })
  const lines = (list) => list.map((line) => `${JSON.stringify(line)}\n`).join('')
  writeFileSync(join(folder, 'experiment.json'), JSON.stringify(plan))
  writeFileSync(join(folder, 'results.jsonl'), lines(rows))
  writeFileSync(join(folder, 'timings.jsonl'), lines(timings))
  return folder
}

/** The same cost in five ways, three seeds, everything done. */
export const five = (changes) => {
  const made = plan(FIVE, changes)
  return { plan: made, rows: rowsOf(made, ACCURACIES) }
}

/** Numbers that look random and are the same every time, in [-1, 1). */
const wobble = (i, j = 0) => ((Math.sin(12.9898 * (i + 1) + 78.233 * (j + 1)) * 43758.5453) % 1) - 0

/** Curves along each dimension. */
export function curves() {
  const factors = [1.5, 2, 3, 4, 6, 8]
  const gains = { depth: 0.028, width: 0.036, resolution: 0.042, compound: 0.055 }
  const arms = [FIVE[0]]
  const accuracies = { base: ACCURACIES.base }
  for (const [series, gain] of Object.entries(gains)) {
    for (const factor of factors) {
      const made = arm(`${series}-${factor}`, series, Math.round(factor * (1 + 0.02 * wobble(factor)) * BASE))
      arms.push(made)
      const rise = 0.613 + gain * Math.log2(factor) * (1 - 0.1 * Math.log2(factor))
      accuracies[made.id] = [0, 1, 2].map((seed) => rise + 0.012 * wobble(factor * gain * 1000, seed))
    }
  }
  const made = plan(arms, { comparisons: [], paper: 'figure3', title: 'Made-up numbers: one dimension at a time' })
  return { plan: made, rows: rowsOf(made, accuracies) }
}

/** A grid of α, β, γ at φ = 1 and the best ray at φ = 2. */
export function grid() {
  const arms = [FIVE[0]]
  const accuracies = { base: ACCURACIES.base }
  const add = (compound, phase, gain) => {
    const bases = `a${compound.alpha}-b${compound.beta}-g${compound.gamma}`
    const id = compound.phi > 1 ? `phi${compound.phi}-${bases}` : bases
    const factor = (compound.alpha * compound.beta ** 2 * compound.gamma ** 2) ** compound.phi
    const macs = Math.round(BASE * factor * 1.03)
    arms.push(arm(id, `φ ${compound.phi}`, macs, { compound, phase, label: id, times: 2 ** compound.phi }))
    accuracies[id] = [0, 1, 2].map((seed) => 0.613 + gain + 0.015 * wobble(seed, 5) + 0.006 * wobble(gain * 999, seed))
  }
  for (const alpha of [1, 1.2, 1.4, 1.6]) {
    for (const beta of [1, 1.1, 1.2]) {
      const gamma = Number(Math.sqrt(2 / (alpha * beta ** 2)).toFixed(2))
      add({ alpha, beta, gamma, phi: 1 }, 0, 0.05 - 0.12 * (alpha - 1.2) ** 2 - 0.5 * (beta - 1.1) ** 2)
    }
  }
  add({ alpha: 1.2, beta: 1.1, gamma: 1.17, phi: 2 }, 1, 0.085)
  add({ alpha: 1.4, beta: 1, gamma: 1.2, phi: 2 }, 1, 0.082)
  add({ alpha: 1.6, beta: 1.2, gamma: 0.93, phi: 2 }, 1, 0.062)
  const title = 'Made-up numbers: a search for α, β, γ'
  const made = plan(arms, { comparisons: [], budget: { macs: 2 * BASE, times: 2, tolerance: 0.03 }, title })
  return { plan: made, rows: rowsOf(made, accuracies) }
}

/** A stage search, one seed. */
export function evolution() {
  const arms = [FIVE[0]]
  const accuracies = { base: [0.6135] }
  for (let i = 0; i < 28; i++) {
    const factor = 0.6 + 1.4 * Math.abs(wobble(i, 3))
    const stages = ['ds_r1_k3_s1_e1_c4_se0.25', `mb_r${1 + (i % 3)}_k5_s2_e6_c8_se0.25`]
    const made = arm(`g${i >> 3}-${i & 7}`, `generation ${i >> 3}`, Math.round(BASE * factor), {
      stages,
      phase: i >> 3,
      times: 1,
    })
    arms.push(made)
    accuracies[made.id] = [0.6 + 0.05 * Math.log2(factor) + 0.02 * wobble(i, 9)]
  }
  const title = 'Made-up numbers: a search of stages'
  const made = plan(arms, { comparisons: [], seeds: [0], budget: { macs: BASE, times: 1, tolerance: 0.5 }, title })
  return { plan: made, rows: rowsOf(made, accuracies) }
}

/** Three bases, each scaled in some ways, and a cross of width under two depths. */
export function families() {
  const arms = []
  const accuracies = {}
  const add = (made, mean) => {
    arms.push(made)
    accuracies[made.id] = [0, 1, 2].map((seed) => mean + 0.006 * wobble(arms.length, seed))
  }
  for (const [i, base] of ['mobilenet_v1', 'mobilenet_v2', 'resnet50'].entries()) {
    const cost = BASE * [1.4, 0.8, 10][i]
    add(arm(`${base}-base`, base, cost), 0.56 + 0.03 * i)
    for (const [k, dimension] of ['depth', 'width', 'resolution', 'compound'].entries()) {
      add(arm(`${base}-${dimension}`, base, cost * (4 + 0.03 * k)), 0.6 + 0.03 * i + 0.012 * k)
    }
  }
  for (const depth of [1, 2]) {
    for (const width of [1, 1.5, 2, 3]) {
      const id = `d${depth}-w${width}`
      add(
        arm(id, `d ${depth}, r 32`, BASE * depth * width ** 1.9, { coefficients: { depth, width } }),
        0.6 + 0.02 * depth * width,
      )
    }
  }
  const comparisons = [{ arm: 'resnet50-compound', against: 'resnet50-depth' }]
  const title = 'Made-up numbers: several bases, and a cross'
  const made = plan(arms, { comparisons, paper: 'table3', budget: null, title })
  return { plan: made, rows: rowsOf(made, accuracies) }
}
