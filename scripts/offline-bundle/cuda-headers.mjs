/*
 * Finds the CUDA runtime's headers in the version of the given torch. torch's own wheels lack the headers in crt/,
 * without which the others do not compile. A toolkit has them, and so has Triton, which comes with every CUDA torch.
 */
import fs from 'node:fs'
import path from 'node:path'
import { EXIT, SetupError } from '../setup/failure.mjs'
import { which } from '../setup/run.mjs'

function read(...names) {
  try {
    return fs.readFileSync(path.join(...names), 'utf8')
  } catch {
    return ''
  }
}

/** Major version of the headers in folder/include; null if there are none. Structures differ between major versions. */
function majorOf(folder) {
  const number = /define CUDART_VERSION +(\d+)/.exec(read(folder, 'include', 'cuda_runtime_api.h'))?.[1]
  return number === undefined ? null : Math.floor(Number(number) / 1000)
}

/** NVIDIA's wheels beside torch/ that may contain the runtime. */
function besideTorch(torch) {
  const folder = path.join(path.dirname(torch), 'nvidia')
  const names = fs.existsSync(folder) ? fs.readdirSync(folder) : []
  return names.filter((name) => /^(cu\d+|cuda_runtime)$/.test(name)).map((name) => path.join(folder, name))
}

/**
 * A folder whose include/ has all headers of the CUDA runtime that `torch` (its folder) was built with.
 *
 * @param {{CUDA_HOME?: string, CUDA_PATH?: string, PATH?: string}} env
 * @throws SetupError naming the searched places if there is none
 */
export function findCudaHeaders(torch, env = process.env) {
  const wheels = besideTorch(torch)
  const stated = /^cuda\b[^=]*=\s*'(\d+)\./m.exec(read(torch, 'version.py'))?.[1]
  const wanted = stated === undefined ? wheels.map(majorOf).find((major) => major !== null) : Number(stated)
  const nvcc = which('nvcc', env)
  const places = [
    ...wheels,
    env.CUDA_HOME,
    env.CUDA_PATH,
    nvcc && path.dirname(path.dirname(fs.realpathSync(nvcc))),
    '/usr/local/cuda',
    path.join(path.dirname(torch), 'triton', 'backends', 'nvidia'),
  ].filter(Boolean)
  const whole = places.filter((folder) => fs.existsSync(path.join(folder, 'include', 'crt', 'host_config.h')))
  const found = whole.find((folder) => wanted === undefined || majorOf(folder) === wanted)
  if (found !== undefined) return found
  const version = wanted === undefined ? '' : ` ${wanted}`
  throw new SetupError(`no headers of the CUDA${version} runtime, those in crt/ included; tried ${places.join(', ')}`, {
    exitCode: EXIT.environment,
    hint: `A CUDA${version} toolkit has them: put its nvcc on PATH or name its folder in CUDA_HOME.`,
  })
}
