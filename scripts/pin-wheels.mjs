#!/usr/bin/env node
/*
 * Makes scripts/setup/wheels.json: the SHA-256 of every wheel that the set-up may receive, by file name. These are
 * torch's wheels of the versions in native/torch-versions.txt, for every Python, on Linux (x86-64, ARM64) and macOS
 * (ARM64); PyTorch's CPU wheels of the set-up's version; the NVIDIA packages that these require; and the programs of
 * scripts/clang.mjs.
 *
 *   npm run pin:wheels      after a change of versions
 *
 * Asks the index that pip uses here and PyTorch's CPU index. If the latter is unreachable, its known entries are kept.
 * A known wheel never changes: if an index has another file under its name, that is an error, and nothing is written.
 * (If the new file is right, remove the line from the table by hand.)
 */
import fs from 'node:fs'
import path from 'node:path'
import { CLANG_VERSIONS } from './clang.mjs'
import { filesOf, pipsIndex, requirementsOf } from './pin-wheels/package-index.mjs'
import { EXIT, SetupError } from './setup/failure.mjs'
import { TORCH_VERSION, TORCH_VERSIONS } from './setup/libtorch.mjs'
import { report } from './setup/main.mjs'
import { nvidiaRequirements, toolkitPackages } from './setup/nvidia.mjs'
import { CPU_INDEX } from './setup/pip.mjs'
import { checkPrerequisites } from './setup/prerequisites.mjs'
import { catchSignals, Progress } from './setup/run.mjs'
import { writeFileWhole } from './setup/state.mjs'
import { knownWheels } from './setup/wheels.mjs'

const TABLE = path.join(import.meta.dirname, 'setup', 'wheels.json')

/** The last part of a wheel's name: its platform. */
const PLATFORM = /-(any|manylinux\w*_(x86_64|aarch64)(\.manylinux\w+)*|macosx_\w+_arm64)\.whl$/
const LINUX = /-manylinux[\w.]+\.whl$/

/**
 * Makes the table.
 * @param {{python: string, index: string, cpuIndex: string, versions: string[], cpuVersion: string, programs: Record<string, string>, known: Record<string, {sha256: string, size?: number}>, say: (text: string) => void}} options
 *   versions: of torch; cpuVersion: the one whose CPU wheels are wanted; programs: other packages and their versions;
 *   known: the table so far
 * @throws SetupError if an index cannot be read, gives no checksum, or has another file than the known one
 */
export async function pinWheels({ python, index, cpuIndex, versions, cpuVersion, programs, known, say }) {
  const wheels = new Map()
  const changed = new Set()
  const pin = (files, requirement) => {
    const found = files.filter(({ name }) => PLATFORM.test(name) && meets(versionOf(name), requirement))
    if (found.length === 0) throw new SetupError(`the index has no wheel of ${requirement} for the platforms we know`)
    for (const { name, sha256, size } of found) {
      if (sha256 === undefined) throw new SetupError(`the index does not tell the SHA-256 of ${name}`)
      for (const earlier of [known[name], wheels.get(name)]) {
        if (earlier !== undefined && earlier.sha256 !== sha256) changed.add(`${name}: ${earlier.sha256}, now ${sha256}`)
      }
      wheels.set(name, { sha256, ...(size === undefined ? wheels.get(name) : { size }) })
    }
    return found
  }

  const first = await filesOf(python, index, ['torch', 'cuda-toolkit'])
  const torch = versions.flatMap((version) => pin(first.get('torch'), `torch==${version}`))
  const linux = torch.filter(({ name }) => LINUX.test(name)).map(({ url }) => url)
  const requires = [...new Set((await requirementsOf(python, linux)).flat())]
  say(`torch ${versions.join(', ')}: ${torch.length} wheels`)

  const wanted = new Set(Object.entries(programs).map(([name, version]) => `${name}==${version}`))
  for (const requirement of ['cpu', 'cuda'].flatMap((flavour) => nvidiaRequirements(requires, flavour))) {
    const [, extras, version] = /^cuda-toolkit\[([^\]]*)\](.*)$/.exec(requirement) ?? []
    if (extras === undefined) wanted.add(requirement)
    else {
      const [toolkit] = pin(first.get('cuda-toolkit'), `cuda-toolkit${version}`)
      const [lines] = await requirementsOf(python, [toolkit.url])
      const names = extras.split(',').map((extra) => extra.trim())
      for (const each of toolkitPackages(lines, names)) wanted.add(each)
    }
  }
  const others = await filesOf(python, index, [...new Set([...wanted].map(packageOf))])
  for (const requirement of [...wanted].sort()) {
    say(`${requirement}: ${pin(others.get(packageOf(requirement)), requirement).length} wheels`)
  }

  try {
    const files = (await filesOf(python, cpuIndex, ['torch'])).get('torch')
    say(`PyTorch's CPU index: ${pin(files, `torch==${cpuVersion}`).length} wheels`)
  } catch (error) {
    if (error.exitCode !== EXIT.environment) throw error
    const kept = Object.keys(known).filter((name) => name.startsWith(`torch-${cpuVersion}+cpu-`))
    for (const name of kept) wheels.set(name, known[name])
    say(`PyTorch's CPU index is out of reach (${error.message}): ${kept.length} wheels of it are kept`)
  }
  if (changed.size > 0) {
    throw new SetupError(`not what it was:${[...changed].map((line) => `\n${line}`).join('')}`, {
      hint: 'Nothing has been written. Find out why; a line that is right to change is taken out of the table by hand.',
    })
  }
  return Object.fromEntries([...wheels].sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** The version in a wheel's name, without the local part (its build). */
function versionOf(wheel) {
  return wheel.split('-')[1].split('+')[0]
}

function packageOf(requirement) {
  return /^[A-Za-z0-9._-]*[A-Za-z0-9]/
    .exec(requirement)[0]
    .toLowerCase()
    .replace(/[-_.]+/g, '-')
}

const COMPARISONS = {
  '==': (order) => order === 0,
  '<': (order) => order < 0,
  '<=': (order) => order <= 0,
  '>': (order) => order > 0,
  '>=': (order) => order >= 0,
}

/** Whether a version meets a requirement like `a==1.2`, `a==1.2.*` or `a<3,>=1.2`. Only releases do. */
function meets(version, requirement) {
  const conditions = requirement.replace(/^[A-Za-z0-9._-]+\s*/, '').split(',')
  return conditions.every((condition) => {
    const [, comparison, wanted, series] = /^\s*(==|<=?|>=?)\s*(\d+(?:\.\d+)*)(\.\*)?\s*$/.exec(condition) ?? []
    if (wanted === undefined) throw new SetupError(`cannot read the requirement ${requirement}`)
    if (!/^\d+(\.\d+)*$/.test(version)) return false
    const [has, wants] = [version, wanted].map((text) => text.split('.').map(Number))
    const length = series === undefined ? Math.max(has.length, wants.length) : wants.length
    const at = Array.from({ length }).findIndex((_, i) => (has[i] ?? 0) !== (wants[i] ?? 0))
    return COMPARISONS[comparison](at === -1 ? 0 : (has[at] ?? 0) - (wants[at] ?? 0))
  })
}

async function main() {
  try {
    catchSignals()
    const progress = new Progress(false)
    const { python } = await checkPrerequisites({ npm: false, python: true, native: false })
    const known = knownWheels()
    const wheels = await pinWheels({
      python,
      index: await pipsIndex(python),
      cpuIndex: CPU_INDEX,
      versions: TORCH_VERSIONS,
      cpuVersion: TORCH_VERSION,
      programs: CLANG_VERSIONS,
      known,
      say: (text) => progress.say(text),
    })
    writeFileWhole(TABLE, `${JSON.stringify(wheels, null, 2)}\n`)
    const count = (names, others) => names.filter((name) => !Object.hasOwn(others, name)).length
    const [added, removed] = [count(Object.keys(wheels), known), count(Object.keys(known), wheels)]
    progress.say(`${Object.keys(wheels).length} wheels, ${added} new, ${removed} gone`)
    return EXIT.ok
  } catch (error) {
    return report(error)
  }
}

const started = process.argv[1]
if (started && fs.realpathSync(started) === import.meta.filename) process.exitCode = await main()
