/*
 * NVIDIA's libraries for a CUDA libtorch. Each of their wheels is unpacked once into its own folder in the cache.
 * Copies of libtorch share its files by hard links, so several versions of torch take little more space than their
 * differences.
 */
import fs from 'node:fs'
import path from 'node:path'
import { SetupError } from './failure.mjs'
import { makeFolder } from './folders.mjs'
import { MANIFEST, verifyLibraries } from './libtorch.mjs'
import { acquireLock } from './lock.mjs'
import { downloadWheels } from './pip.mjs'
import { throwIfInterrupted } from './run.mjs'
import { listFiles, writeFileWhole } from './state.mjs'
import { unpackDownloaded } from './unpack.mjs'

/** Even libtorch_cpu.so of a CUDA wheel is linked to these two: the runtime, and CUPTI for the profiler. */
const CPU_EXTRAS = ['cudart', 'cupti']
const CPU_PACKAGES = /^nvidia-cuda-(runtime|cupti)\b/
/** torch does not require this package, but a compiler does: cuda_runtime.h includes its headers. */
const CUDA_HEADERS = 'crt'
const WANTED = /^nvidia\/.+(\/lib\/.+\.so(\.[0-9.]+)?$|\/include\/)|\.dist-info\/licenses\//
const NOTHING = /^$/

/**
 * The lines of a wheel's Requires-Dist that name NVIDIA's packages: those that a CPU build loads, or a CUDA build
 * needs.
 */
export function nvidiaRequirements(requires, flavour) {
  const wanted = []
  for (const line of requires) {
    const [requirement, marker = ''] = line.split(';').map((part) => part.trim())
    if (/\bextra\b/.test(marker)) continue
    const toolkit = /^cuda-toolkit\s*\[([^\]]*)\](.*)$/.exec(requirement)
    if (toolkit !== null) {
      const extras = flavour === 'cpu' ? CPU_EXTRAS : [toolkit[1], CUDA_HEADERS]
      wanted.push(`cuda-toolkit[${extras.join(',')}]${toolkit[2]}`)
    } else if (/^nvidia-/.test(requirement) && (flavour === 'cuda' || CPU_PACKAGES.test(requirement)))
      wanted.push(requirement)
  }
  return wanted
}

/** The packages behind `extras` of cuda-toolkit, which is only a list of packages: the lines of its Requires-Dist. */
export function toolkitPackages(requires, extras) {
  const wanted = new Set()
  for (const line of requires) {
    const [requirement, marker = ''] = line.split(';').map((part) => part.trim())
    const extra = /\bextra\s*==\s*['"]([^'"]+)['"]/.exec(marker)?.[1]
    const elsewhere = /\bsys_platform\b/.test(marker) && !/\bsys_platform\s*==\s*['"]linux['"]/.test(marker)
    if (extras.includes(extra) && !elsewhere) wanted.add(requirement)
  }
  return [...wanted]
}

/**
 * Puts everything that a CUDA libtorch with these `requires` needs into `staging`, beside its torch/. Downloads only
 * packages that are not in the cache.
 * @returns {Promise<{path: string, size: number, sha256: string}[]>} the libraries
 */
export async function addNvidia(requires, cache, downloads, staging, tools) {
  const store = path.join(cache, `nvidia-${process.platform}-${process.arch}`)
  // Copies of other versions may be fetched at the same time.
  const release = await acquireLock(`${store}.lock`, {
    check: throwIfInterrupted,
    onWait: () => tools.detail('waiting for another set-up to fetch from NVIDIA'),
  })
  try {
    const wanted = await singlePackages(nvidiaRequirements(requires, 'cuda'), downloads, tools)
    tools.detail("checking NVIDIA's libraries in the cache")
    const missing = wanted.filter((requirement) => verifyLibraries(storedFolder(store, requirement), true) === null)
    if (missing.length > 0) await addToStore(missing, store, downloads, tools)
    return wanted.flatMap((requirement) => {
      const folder = storedFolder(store, requirement)
      linkTree(folder, staging)
      return verifyLibraries(folder, false).libraries
    })
  } finally {
    release()
  }
}

/** The requirements, with cuda-toolkit replaced by the packages it stands for. */
async function singlePackages(requirements, downloads, tools) {
  const packages = []
  for (const requirement of requirements) {
    const toolkit = /^cuda-toolkit\[([^\]]*)\](.*)$/.exec(requirement)
    if (toolkit === null) {
      packages.push(requirement)
      continue
    }
    const folder = path.join(downloads, 'toolkit')
    const [wheel] = await downloadWheels([`cuda-toolkit${toolkit[2]}`], ['--no-deps'], [[]], folder, tools)
    const { requires } = await unpackDownloaded(folder, wheel, folder, NOTHING, NOTHING, tools)
    const extras = toolkit[1].split(',').map((extra) => extra.trim())
    packages.push(...toolkitPackages(requires, extras))
  }
  return packages
}

async function addToStore(requirements, store, downloads, tools) {
  const folder = path.join(downloads, 'nvidia')
  const wheels = await downloadWheels(requirements, ['--no-deps'], [[]], folder, tools)
  for (const requirement of requirements) {
    const name = packageName(requirement)
    const wheel = wheels.find((file) => file.split('-')[0].replaceAll('_', '-').toLowerCase() === name)
    if (wheel === undefined) throw new SetupError(`pip has put no wheel of ${requirement} into ${folder}`)
    const target = storedFolder(store, requirement)
    const staging = `${target}.staging`
    fs.rmSync(staging, { recursive: true, force: true })
    makeFolder(staging)
    const { version, libraries } = await unpackDownloaded(folder, wheel, staging, WANTED, NOTHING, tools)
    fs.rmSync(path.join(folder, wheel))
    writeFileWhole(path.join(staging, MANIFEST), `${JSON.stringify({ name, version, wheel, libraries }, null, 2)}\n`)
    fs.rmSync(target, { recursive: true, force: true })
    fs.renameSync(staging, target)
  }
}

function packageName(requirement) {
  return /^[A-Za-z0-9._-]*[A-Za-z0-9]/.exec(requirement)[0].toLowerCase()
}

/** Named after the whole requirement: two versions of torch with the same requirement share it. */
function storedFolder(store, requirement) {
  return path.join(store, requirement.replace(/[^A-Za-z0-9.,<>=!~-]/g, '_'))
}

/** Hard-links the files under `from`, except the manifest, to `to`; copies them if links are impossible. */
function linkTree(from, to) {
  for (const name of listFiles(from, (file) => file !== MANIFEST)) {
    const target = path.join(to, name)
    makeFolder(path.dirname(target))
    fs.rmSync(target, { force: true })
    try {
      fs.linkSync(path.join(from, name), target)
    } catch (error) {
      if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK', 'EXDEV'].includes(error.code)) throw error
      fs.copyFileSync(path.join(from, name), target)
    }
  }
}
