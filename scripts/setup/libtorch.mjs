/* Chooses the libtorch to build against, and inspects it. fetch.mjs downloads one. */
import fs from 'node:fs'
import path from 'node:path'
import {
  cacheFolder,
  fetchedFolder,
  headerVersion,
  libraryName,
  MANIFEST,
  TORCH_VERSION,
} from '../../lib/native/libtorch.cjs'
import { EXIT, SetupError } from './failure.mjs'
import { run, which } from './run.mjs'
import { fileMark, sha256OfFile } from './state.mjs'

export { cacheFolder, fetchedFolder, libraryName, MANIFEST, TORCH_VERSION }

/**
 * The versions that CI builds the native sources against (`npm run build:cuda -- --all`), oldest first: the C++
 * interface differs between minor versions. Everything between the first and the last is accepted, here and in
 * CMakeLists.txt.
 */
export const TORCH_VERSIONS = fs
  .readFileSync(new URL('../../native/torch-versions.txt', import.meta.url), 'utf8')
  .trim()
  .split('\n')
const SUPPORTED = { from: minorVersion(TORCH_VERSIONS[0]), to: minorVersion(TORCH_VERSIONS.at(-1)) }
/**
 * Version and flavour of the libtorch in `dir`, or in a folder inside it (of an unpacked wheel, of site-packages).
 * @returns {{path: string, version: string, flavour: 'cpu'|'cuda', mark: string}}
 */
export function inspectLibtorch(dir, from) {
  const given = path.resolve(dir)
  const found = [given, path.join(given, 'torch'), path.join(given, 'libtorch')].find(
    (candidate) =>
      fs.existsSync(path.join(candidate, 'include', 'ATen', 'ATen.h')) &&
      fs.existsSync(path.join(candidate, 'lib', libraryName('torch_cpu'))),
  )
  const hint = `Give the folder that holds libtorch's lib/ and include/, version ${TORCH_VERSION}, or leave it out to have one fetched.`
  if (found === undefined) {
    const lib = `lib/${libraryName('torch_cpu')}`
    throw new SetupError(`${from}: no libtorch in ${given} (include/ATen/ATen.h and ${lib} are expected)`, {
      exitCode: EXIT.environment,
      hint,
    })
  }
  const version = headerVersion(found)
  if (version === null || !isSupported(version)) {
    const range = `${SUPPORTED.from.join('.')} to ${SUPPORTED.to.join('.')}`
    throw new SetupError(
      `${from}: libtorch ${version ?? 'of unknown version'} in ${found}; mbconv builds against ${range}`,
      {
        exitCode: EXIT.environment,
        hint,
      },
    )
  }
  const cuda = fs.existsSync(path.join(found, 'lib', libraryName('torch_cuda')))
  return {
    path: found,
    version,
    flavour: cuda ? 'cuda' : 'cpu',
    mark: fileMark(path.join(found, 'lib', libraryName('torch_cpu'))),
  }
}

function minorVersion(version) {
  return version.split('.').slice(0, 2).map(Number)
}

/** Whether a dotted version lies within the tested range. */
export function isSupported(version) {
  const [major, minor] = minorVersion(version)
  return major === SUPPORTED.from[0] && minor >= SUPPORTED.from[1] && minor <= SUPPORTED.to[1]
}

/**
 * Decides where libtorch comes from: --libtorch, LIBTORCH, an earlier --libtorch, then the copy kept in the cache.
 * @returns {Promise<{given: string|null, from: string, choice: object, version?: string, flavour?: 'cpu'|'cuda', why?: string, folder?: string, nvidiaSmi?: object, lost?: string}>}
 *   given: the user's own folder; otherwise `folder`, which may not exist yet. choice: what to store.
 */
export async function chooseLibtorch(root, options, state, env = process.env) {
  let remembered = state.libtorch?.choice ?? {}
  if (options.cpu || options.cuda) remembered = { flavour: options.cuda ? 'cuda' : 'cpu' }
  if (options.auto) remembered = {}
  if (options.libtorch) {
    return { given: options.libtorch, from: '--libtorch', choice: { folder: path.resolve(options.libtorch) } }
  }
  if (env.LIBTORCH) return { given: env.LIBTORCH, from: 'LIBTORCH', choice: remembered }
  let lost
  if (remembered.folder !== undefined) {
    if (fs.existsSync(remembered.folder)) {
      return { given: remembered.folder, from: 'earlier --libtorch', choice: remembered }
    }
    lost = remembered.folder
    remembered = {}
  }
  const { flavour, why, nvidiaSmi } = await chooseFlavour(remembered.flavour, state.libtorch?.nvidiaSmi, env)
  const folder = fetchedFolder(cacheFolder(root, env), flavour)
  return {
    given: null,
    from: 'cache',
    choice: remembered,
    version: TORCH_VERSION,
    flavour,
    why,
    folder,
    nvidiaSmi,
    lost,
  }
}

async function chooseFlavour(asked, earlier, env) {
  if (asked === 'cuda' && process.platform !== 'linux') {
    throw new SetupError(`there is no CUDA libtorch for ${process.platform}`, { exitCode: EXIT.environment })
  }
  if (asked !== undefined) return { flavour: asked, why: 'as asked' }
  const file = process.platform === 'linux' ? which('nvidia-smi', env) : null
  if (file === null) return { flavour: 'cpu', why: 'no nvidia-smi' }
  // Asking a driver takes up to a second, so a positive answer is stored.
  if (earlier?.file === file && earlier.answers)
    return { flavour: 'cuda', why: 'nvidia-smi answers', nvidiaSmi: earlier }
  const result = await run(file, ['-L'], { timeout: 15_000 })
  const answers = result.code === 0 && /^GPU \d/m.test(result.stdout)
  return {
    flavour: answers ? 'cuda' : 'cpu',
    why: answers ? 'nvidia-smi answers' : 'nvidia-smi does not answer',
    nvidiaSmi: { file, answers },
  }
}

/** The manifest of a fetched copy if the copy is complete (with `deep`: also by checksums); otherwise null. */
export function verifyFetched(folder, deep = false) {
  const whole = fs.existsSync(path.join(folder, 'torch', 'include', 'ATen', 'ATen.h'))
  return whole ? verifyLibraries(folder, deep) : null
}

/**
 * The manifest in `folder` if every library in it has its full size (with `deep`: and its checksum); otherwise null.
 */
export function verifyLibraries(folder, deep) {
  let manifest
  try {
    manifest = JSON.parse(fs.readFileSync(path.join(folder, MANIFEST), 'utf8'))
    for (const { path: name, size, sha256 } of manifest.libraries) {
      const file = path.join(folder, name)
      if (fs.statSync(file).size !== size) return null
      if (deep && sha256OfFile(file) !== sha256) return null
    }
  } catch (error) {
    if (
      error.code === 'ENOENT' ||
      error.code === 'ENOTDIR' ||
      error instanceof SyntaxError ||
      error instanceof TypeError
    ) {
      return null
    }
    throw error
  }
  return manifest
}
