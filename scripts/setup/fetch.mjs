/*
 * Fetching libtorch: it is inside the `torch` Python wheel, which pip knows how to find. Nothing is installed for Python.
 *
 * Everything is unpacked into a staging folder of the cache, checked, and renamed into place as the last act, so that a
 * copy under its final name is always whole. Downloads survive an interruption; pip checks their hashes when it meets
 * them again.
 */
import fs from 'node:fs'
import path from 'node:path'
import { EXIT, SetupError } from './failure.mjs'
import { MANIFEST, TORCH_VERSION } from './libtorch.mjs'
import { run } from './run.mjs'
import { listFiles, writeFileWhole } from './state.mjs'
import { DamagedWheel, unpackWheel } from './unpack.mjs'

/** PyTorch's own index of CPU-only wheels: a third of the size of what the default index has for Linux. */
const CPU_INDEX = 'https://download.pytorch.org/whl/cpu'
const PROBE_MS = 3000

/** Room taken at the worst moment: pip's temporary copy, the wheels and what comes out of them. Measured, rounded up. */
const ROOM_NEEDED = { cpu: 1.3e9, cuda: 7e9 }

/** torch/lib holds little else than what is wanted; libraries named here serve Python or the tools around it. */
const TORCH_WANTED =
  /^torch\/(lib\/[^/]+\.(so|dylib)(\.[0-9.]+)?|include\/.+)$|^torch\.libs\/|^torch\/\.dylibs\/|\.dist-info\/licenses\//
const TORCH_UNWANTED = /^torch\/lib\/lib(torch_python|torch_global_deps|shm)\./
const TORCH_UNWANTED_ON_CPU =
  /^torch\/lib\/lib(torch_python|torch_global_deps|shm|torch_cuda|torch_cuda_linalg|torch_nvshmem|c10_cuda|caffe2_nvrtc)\./

/** In a CUDA wheel even libtorch_cpu.so is linked to these two: the runtime, and CUPTI through the profiler. */
const CPU_EXTRAS = ['cudart', 'cupti']
/** What torch does not ask for, but a compiler does: cuda_runtime.h includes these headers. */
const CUDA_HEADERS = 'crt'
const CPU_PACKAGES = /^nvidia-cuda-(runtime|cupti)\b/
const NVIDIA_WANTED_ON_CPU = /^nvidia\/[^/]+\/lib\/lib(cudart|cupti)\.so|\.dist-info\/licenses\//
const NVIDIA_WANTED = /^nvidia\/.+(\/lib\/.+\.so(\.[0-9.]+)?$|\/include\/)|\.dist-info\/licenses\//
const NOTHING = /^$/

/**
 * Puts a libtorch of `flavour` into `folder`. The caller holds the cache's lock.
 * @param {{python: string, log: number, logFile: string, detail: (text: string) => void}} tools
 */
export async function fetchLibtorch(folder, flavour, tools) {
  const cache = path.dirname(folder)
  const name = path.basename(folder)
  const downloads = path.join(cache, `.download-${name}`)
  const staging = path.join(cache, `.staging-${name}`)
  makeFolder(cache)
  checkRoom(cache, flavour)
  try {
    fs.rmSync(staging, { recursive: true, force: true })
    fs.mkdirSync(staging)
    const torch = await unpackTorch(downloads, staging, flavour, tools)
    if (flavour === 'cuda' && !torch.cuda) {
      throw new SetupError(`pip's index offers torch ${TORCH_VERSION} for this machine without CUDA only`, {
        exitCode: EXIT.environment,
        hint: 'Use --cpu, or --libtorch DIR with a CUDA libtorch.',
        log: tools.logFile,
      })
    }
    const nvidia = torch.cuda ? await unpackNvidia(torch.requires, downloads, staging, flavour, tools) : []
    const manifest = { version: torch.version, flavour, wheel: torch.wheel, libraries: [...torch.libraries, ...nvidia] }
    writeFileWhole(path.join(staging, MANIFEST), `${JSON.stringify(manifest, null, 2)}\n`)
    fs.rmSync(folder, { recursive: true, force: true })
    fs.renameSync(staging, folder)
    fs.rmSync(downloads, { recursive: true, force: true })
    return manifest
  } catch (error) {
    throw error.code === 'ENOSPC' ? outOfRoom(cache, flavour) : error
  } finally {
    fs.rmSync(staging, { recursive: true, force: true })
  }
}

async function unpackTorch(downloads, staging, flavour, tools) {
  const folder = path.join(downloads, 'torch')
  const attempts = []
  if (flavour === 'cpu' && (await reachable(tools))) attempts.push(['--index-url', CPU_INDEX])
  // Where Python is too old or too new for a wheel of its own, another version's serves as well: no Python is in it.
  attempts.push([], ['--python-version', '3.12'])
  const wheels = await download([`torch==${TORCH_VERSION}`], ['--no-deps'], attempts, folder, tools)
  const wheel = wheels.find((file) => /^torch-/.test(file))
  if (wheel === undefined) throw new SetupError(`pip has put no torch wheel into ${folder}`, { log: tools.logFile })
  tools.detail('unpacking')
  const unwanted = flavour === 'cpu' ? TORCH_UNWANTED_ON_CPU : TORCH_UNWANTED
  const unpacked = await unpack(folder, wheel, staging, TORCH_WANTED, unwanted, tools)
  if (unpacked.name !== 'torch' || unpacked.version.split('+')[0] !== TORCH_VERSION) {
    throw new SetupError(`${wheel} is ${unpacked.name} ${unpacked.version}, not torch ${TORCH_VERSION}`)
  }
  return { ...unpacked, wheel }
}

/** NVIDIA's libraries in the versions that the torch wheel asks for, laid beside torch/, where its relative paths lead. */
async function unpackNvidia(requires, downloads, staging, flavour, tools) {
  const wanted = nvidiaRequirements(requires, flavour)
  if (wanted.length === 0) return []
  const folder = path.join(downloads, 'nvidia')
  const wheels = await download(wanted, [], [[]], folder, tools)
  const libraries = []
  for (const wheel of wheels.filter((file) => /^nvidia[-_]/.test(file))) {
    tools.detail(`unpacking ${wheel.split('-')[0]}`)
    const members = flavour === 'cpu' ? NVIDIA_WANTED_ON_CPU : NVIDIA_WANTED
    libraries.push(...(await unpack(folder, wheel, staging, members, NOTHING, tools)).libraries)
  }
  return libraries
}

/** The lines of a wheel's Requires-Dist that name NVIDIA's packages: what a CPU build loads, or what a CUDA build needs. */
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

async function unpack(folder, wheel, staging, wanted, unwanted, tools) {
  try {
    return await unpackWheel(tools.python, path.join(folder, wheel), staging, wanted, unwanted, tools)
  } catch (error) {
    // pip would find it there again the next time.
    if (error instanceof DamagedWheel) fs.rmSync(path.join(folder, wheel), { force: true })
    throw error
  }
}

/** Whether PyTorch's index answers; Python asks, because it follows the same proxy settings as pip. */
async function reachable({ python, log }) {
  const script = `import urllib.request as r; r.urlopen(r.Request('${CPU_INDEX}/torch/', method='HEAD'), timeout=${PROBE_MS / 1000})`
  const result = await run(python, ['-c', script], { log, timeout: PROBE_MS })
  return result.code === 0
}

/** Tries pip with each attempt's arguments in turn; returns the names of the files it has put into `folder`. */
async function download(requirements, flags, attempts, folder, { python, log, logFile, detail }) {
  const temporary = path.join(folder, 'tmp')
  fs.mkdirSync(temporary, { recursive: true })
  const common = [
    '-m',
    'pip',
    'download',
    '--disable-pip-version-check',
    '--no-input',
    '--no-cache-dir',
    '--retries',
    '3',
  ]
  // pip collects a download in TMPDIR, which may be a small memory disk.
  const env = { ...process.env, TMPDIR: temporary, PIP_REQUIRE_VIRTUALENV: '0' }
  const watch = setInterval(() => detail(`downloading, ${megabytes(folder)} MB`), 500)
  let result
  try {
    for (const attempt of attempts) {
      const args = [...common, '--only-binary=:all:', ...flags, ...attempt, '-d', folder, ...requirements]
      result = await run(python, args, { log, env })
      if (result.code === 0) return listFiles(folder, (name) => name.endsWith('.whl'))
      if (isOffline(result.output) && !attempt.includes(CPU_INDEX)) break
    }
  } finally {
    clearInterval(watch)
    fs.rmSync(temporary, { recursive: true, force: true })
  }
  throw downloadFailed(requirements, result.output, path.dirname(path.dirname(folder)), logFile)
}

function isOffline(output) {
  return /Retrying|ConnectionError|Connection refused|name resolution|Name or service|timed out|ProxyError|SSLError/i.test(
    output,
  )
}

function downloadFailed(requirements, output, cache, logFile) {
  if (/No space left/i.test(output)) return outOfRoom(cache, 'cpu')
  const what = requirements.join(' ')
  const elsewhere = `Or, on a machine that can, \`python3 -m pip download torch==${TORCH_VERSION}\`, unpack the wheels (they are zip files) into one folder, bring it here and set LIBTORCH to its torch/ folder.`
  if (isOffline(output)) {
    return new SetupError(`pip cannot reach its package index to download ${what}`, {
      exitCode: EXIT.environment,
      hint: `Check the network, and pip's settings where a proxy or a mirror is needed, then try again. ${elsewhere}`,
      log: logFile,
    })
  }
  const glibc = process.platform === 'linux' && !process.report?.getReport().header.glibcVersionRuntime
  const machine = `${process.platform} ${process.arch}${glibc ? ' without glibc' : ''}`
  const said = output.match(/^ERROR: .*/gm)?.pop() ?? 'no reason given'
  return new SetupError(`pip could not download ${what} for ${machine} (${said})`, {
    exitCode: EXIT.environment,
    hint: `PyTorch ${TORCH_VERSION} exists for Linux with glibc 2.28 or newer (x86-64, ARM64) and macOS on ARM64. With a libtorch of your own, set LIBTORCH to the folder that holds its lib/ and include/.`,
    log: logFile,
  })
}

function makeFolder(dir) {
  try {
    fs.mkdirSync(dir, { recursive: true })
    fs.accessSync(dir, fs.constants.W_OK)
  } catch (error) {
    throw new SetupError(`cannot write to ${dir}, where libtorch is to be kept (${error.code})`, {
      exitCode: EXIT.environment,
      hint: 'Set MBCONV_CACHE to a folder that can be written.',
    })
  }
}

function checkRoom(dir, flavour) {
  const { bavail, bsize } = fs.statfsSync(dir)
  if (bavail * bsize < ROOM_NEEDED[flavour]) throw outOfRoom(dir, flavour, bavail * bsize)
}

function outOfRoom(dir, flavour, free = null) {
  const needed = `fetching libtorch (${flavour}) takes ${(ROOM_NEEDED[flavour] / 1e9).toFixed(1)} GB for a while`
  const left = free === null ? '' : `, and ${(free / 1e9).toFixed(1)} GB are free`
  return new SetupError(`too little room on the disk that holds ${dir}: ${needed}${left}`, {
    exitCode: EXIT.environment,
    hint: 'Make room, set MBCONV_CACHE to a folder on another disk, or give a libtorch with LIBTORCH.',
  })
}

function megabytes(folder) {
  let bytes = 0
  for (const name of listFiles(folder))
    bytes += fs.statSync(path.join(folder, name), { throwIfNoEntry: false })?.size ?? 0
  return Math.round(bytes / 1e6)
}
