/*
 * Fetches libtorch. It is inside the `torch` Python wheel, which pip can find. Nothing is installed for Python.
 *
 * Everything is unpacked into a staging folder of the cache, checked, and finally renamed into place, so that a copy
 * under its final name is always complete. Downloads survive an interruption. pip checks their hashes when it finds
 * them again, and each wheel is compared with the known one before unpacking (wheels.mjs).
 */
import fs from 'node:fs'
import path from 'node:path'
import { EXIT, SetupError } from './failure.mjs'
import { makeFolder } from './folders.mjs'
import { MANIFEST } from './libtorch.mjs'
import { addNvidia, nvidiaRequirements } from './nvidia.mjs'
import { CPU_INDEX, cpuIndexAnswers, downloadWheels } from './pip.mjs'
import { writeFileWhole } from './state.mjs'
import { unpackDownloaded } from './unpack.mjs'

/** Bytes needed at the peak: pip's temporary copy, the wheels and their content. Measured, rounded up. */
const ROOM_NEEDED = { cpu: 1.3e9, cuda: 7e9 }

/**
 * torch/lib contains little else than what is needed; the libraries named here serve Python or the tools around it. On
 * Windows their names have no `lib`, and a DLL is linked through the .lib file of its name.
 */
export const TORCH_WANTED =
  /^torch\/(lib\/[^/]+\.(so|dylib|dll)(\.[0-9.]+)?|lib\/(torch_cpu|torch|c10)\.lib|include\/.+)$|^torch\.libs\/|^torch\/\.dylibs\/|\.dist-info\/licenses\//
export const TORCH_UNWANTED = /^torch\/lib\/(lib)?(torch_python|torch_global_deps|shm)\./
export const TORCH_UNWANTED_ON_CPU =
  /^torch\/lib\/(lib)?(torch_python|torch_global_deps|shm|torch_cuda|torch_cuda_linalg|torch_nvshmem|c10_cuda|caffe2_nvrtc)\./
const NVIDIA_WANTED_ON_CPU = /^nvidia\/[^/]+\/lib\/lib(cudart|cupti)\.so|\.dist-info\/licenses\//
const NOTHING = /^$/

/**
 * Puts libtorch `version` of `flavour` into `folder`. The caller holds the cache's lock.
 * @param {{folder: string, version: string, flavour: 'cpu'|'cuda'}} choice
 * @param {{python: string, log: number, logFile: string, detail: (text: string) => void, say: (text: string) => void}} tools
 */
export async function fetchLibtorch({ folder, version, flavour }, tools) {
  const cache = path.dirname(folder)
  const name = path.basename(folder)
  const downloads = path.join(cache, `.download-${name}`)
  const staging = path.join(cache, `.staging-${name}`)
  makeCache(cache)
  checkRoom(cache, flavour)
  try {
    fs.rmSync(staging, { recursive: true, force: true })
    fs.mkdirSync(staging)
    const torch = await unpackTorch(version, downloads, staging, flavour, tools)
    if (flavour === 'cuda' && !torch.cuda) {
      throw new SetupError(`pip's index offers torch ${version} for this machine without CUDA only`, {
        exitCode: EXIT.environment,
        hint: 'Use --cpu, or --libtorch DIR with a CUDA libtorch.',
        log: tools.logFile,
      })
    }
    let nvidia = []
    if (flavour === 'cuda') nvidia = await addNvidia(torch.requires, cache, downloads, staging, tools)
    else if (torch.cuda) nvidia = await addNvidiaForCpu(torch.requires, downloads, staging, tools)
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

async function unpackTorch(version, downloads, staging, flavour, tools) {
  const folder = path.join(downloads, 'torch')
  const attempts = []
  if (flavour === 'cpu' && (await cpuIndexAnswers(tools))) attempts.push(['--index-url', CPU_INDEX])
  // If Python is too old or too new for a wheel, take another version's: libtorch does not contain Python.
  attempts.push([], ['--python-version', '3.12'])
  const wheels = await downloadWheels([`torch==${version}`], ['--no-deps'], attempts, folder, tools)
  const wheel = wheels.find((file) => /^torch-/.test(file))
  if (wheel === undefined) throw new SetupError(`pip has put no torch wheel into ${folder}`, { log: tools.logFile })
  const unwanted = flavour === 'cpu' ? TORCH_UNWANTED_ON_CPU : TORCH_UNWANTED
  const unpacked = await unpackDownloaded(folder, wheel, staging, TORCH_WANTED, unwanted, tools)
  if (unpacked.name !== 'torch' || unpacked.version.split('+')[0] !== version) {
    throw new SetupError(`${wheel} is ${unpacked.name} ${unpacked.version}, not torch ${version}`)
  }
  return { ...unpacked, wheel }
}

/** Adds the NVIDIA libraries that even a CUDA wheel's CPU half needs to load, where its relative paths expect them. */
async function addNvidiaForCpu(requires, downloads, staging, tools) {
  const wanted = nvidiaRequirements(requires, 'cpu')
  if (wanted.length === 0) return []
  const folder = path.join(downloads, 'nvidia')
  const wheels = await downloadWheels(wanted, [], [[]], folder, tools)
  const libraries = []
  for (const wheel of wheels.filter((file) => /^nvidia[-_]/.test(file))) {
    const unpacked = await unpackDownloaded(folder, wheel, staging, NVIDIA_WANTED_ON_CPU, NOTHING, tools)
    libraries.push(...unpacked.libraries)
  }
  return libraries
}

function makeCache(dir) {
  try {
    makeFolder(dir)
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
