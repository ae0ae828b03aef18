/* The environment of this run: the first part of the JSON. */
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import mb from 'mbconv'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const GPU_FIELDS = ['name', 'driver_version', 'memory.total', 'compute_cap', 'power.limit']

/** The output of a program; null if it cannot be run. */
function ask(command, ...args) {
  try {
    return execFileSync(command, args, {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
      timeout: 30_000,
    }).trim()
  } catch {
    return null
  }
}

function readJson(file) {
  try {
    return JSON.parse(fs.readFileSync(file, 'utf8'))
  } catch {
    return null
  }
}

/** Each GPU as nvidia-smi describes it. */
export function gpus() {
  const answer = ask('nvidia-smi', `--query-gpu=${GPU_FIELDS.join(',')}`, '--format=csv,noheader')
  if (answer === null || answer === '') return []
  return answer.split('\n').map((line) => {
    const values = line.split(',').map((value) => value.trim())
    return Object.fromEntries(GPU_FIELDS.map((field, i) => [field, values[i]]))
  })
}

export function describeMachine() {
  const { name, version } = readJson(path.join(ROOT, 'package.json'))
  const setup = readJson(path.join(ROOT, 'build', 'setup.json'))
  // A bundle may be inside a checkout of another commit.
  const commit = readJson(path.join(ROOT, '..', 'bundle.json'))?.commit ?? ask('git', '-C', ROOT, 'rev-parse', 'HEAD')
  return {
    date: new Date().toISOString(),
    hardware: {
      gpus: gpus(),
      cpu: os.cpus()[0]?.model,
      cores: os.availableParallelism(),
      memoryGiB: Number((os.totalmem() / 2 ** 30).toFixed(1)),
      system: `${os.type()} ${os.release()}`,
    },
    versions: {
      [name]: version,
      commit: commit ?? null,
      node: process.versions.node,
      libtorch: mb.versions(),
      flavour: setup?.libtorch?.flavour ?? null,
      cuda: torchsCuda(setup?.libtorch?.path),
      compiler: setup?.native?.compiler ?? null,
    },
  }
}

/** The CUDA version that an installed Python torch reports; null for a libtorch that does not report one. */
function torchsCuda(folder) {
  if (folder === undefined) return null
  try {
    const text = fs.readFileSync(path.join(folder, 'version.py'), 'utf8')
    return /^cuda\b[^=]*=\s*'([^']+)'/m.exec(text)?.[1] ?? null
  } catch {
    return null
  }
}
