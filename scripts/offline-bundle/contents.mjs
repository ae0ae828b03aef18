/* The content of an offline bundle. */
import fs from 'node:fs'
import { builtinModules } from 'node:module'
import path from 'node:path'
import { listFiles } from '../setup/state.mjs'

/** Files and folders of the project. A missing one is skipped if it is optional, otherwise an error. */
const PROJECT = [
  { from: 'package.json' },
  { from: 'LICENSE' },
  { from: 'NOTICE' },
  { from: 'CMakeLists.txt' },
  { from: 'cmake', optional: true },
  { from: 'native' },
  { from: 'configs' },
  { from: 'lib/data/digits' },
  { from: 'lib/process/hangup.cjs' },
  { from: 'lib/files/lock-file.cjs' },
  { from: 'lib/native/libtorch.cjs' },
  { from: 'lib/native/platform.cjs' },
  { from: 'lib/native/prebuilt.cjs' },
  { from: 'dist', keep: (name) => !/\.d\.[cm]?ts$|\.map$/.test(name) },
  { from: 'docs/gpu-host.md' },
  { from: 'scripts/setup.mjs' },
  { from: 'scripts/setup' },
  { from: 'scripts/experiments' },
  { from: 'scripts/verify-cuda.mjs' },
  { from: 'scripts/verify-cuda' },
  { from: 'scripts/offline-bundle/install.mjs' },
  { from: 'scripts/offline-bundle/cuda-headers.mjs' },
]

/** Packages, and the parts of each that run (only CommonJS if it has both) or are compiled. */
const PACKAGES = {
  commander: (name) => /^(index\.js|lib\/.+|LICENSE|package\.json)$/.test(name),
  yaml: (name) => /^(dist\/.+\.js|LICENSE|package\.json)$/.test(name) && !name.startsWith('browser'),
  zod: (name) => /^((?!src\/).+\.cjs|LICENSE|package\.json)$/.test(name),
  'csv-parse': (name) => /^(dist\/cjs\/sync\.cjs|LICENSE|package\.json)$/.test(name),
  jstat: (name) => /^(dist\/jstat\.js|LICENSE|package\.json)$/.test(name),
  tinyglobby: (name) => /^(dist\/.+\.cjs|LICENSE|package\.json)$/.test(name),
  fdir: (name) => /^(dist\/.+\.cjs|LICENSE|package\.json)$/.test(name),
  picomatch: (name) => /^(index\.js|lib\/.+|LICENSE|package\.json)$/.test(name),
  ...Object.fromEntries(
    ['string-width', 'strip-ansi', 'ansi-regex', 'get-east-asian-width'].map((name) => [
      name,
      (file) => /^([\w-]+\.js|license|package\.json)$/.test(file),
    ]),
  ),
  'node-addon-api': (name) => /^(napi.*\.h|LICENSE\.md|package\.json)$/.test(name),
  'node-api-headers': (name) => /^(include\/.+\.h|LICENSE|package\.json)$/.test(name),
}

/**
 * Packages that dist/ needs only to draw pictures, show the live page, read image files or fetch weights. It reports when
 * they are missing.
 */
const LEFT_OUT = [
  '@observablehq/plot',
  'linkedom',
  '@resvg/resvg-js',
  '@expo-google-fonts/lato',
  'sharp',
  'undici',
  'uplot',
]

/**
 * The files of a bundle below its folder mbconv/.
 *
 * @returns {{group: string, file: string, to: string}[]} file: relative to `root`; to: relative to the bundle
 */
export function contents(root) {
  const files = []
  for (const { from, keep = () => true, optional = false } of PROJECT) {
    const found = filesOf(root, from).filter(keep)
    if (found.length === 0 && !optional) throw new Error(`${path.join(root, from)} is missing or empty`)
    for (const file of found) files.push({ group: from, file, to: `mbconv/${file}` })
  }
  for (const [name, keep] of Object.entries(PACKAGES)) {
    const folder = `node_modules/${name}`
    const found = listFiles(path.join(root, folder), keep)
    if (found.length === 0) throw new Error(`${folder} is missing: run npm run setup`)
    for (const file of found) files.push({ group: folder, file: `${folder}/${file}`, to: `mbconv/${folder}/${file}` })
  }
  return files
}

function filesOf(root, from) {
  const stat = fs.statSync(path.join(root, from), { throwIfNoEntry: false })
  if (stat === undefined) return []
  return stat.isDirectory() ? listFiles(path.join(root, from)).map((name) => `${from}/${name}`) : [from]
}

/** Packages that the compiled JavaScript names and that are neither in a bundle nor listed as dispensable. */
export function unknownPackages(root) {
  const known = new Set([...Object.keys(PACKAGES), ...LEFT_OUT, ...builtinModules])
  const unknown = new Set()
  for (const name of listFiles(path.join(root, 'dist'), (file) => /\.m?js$/.test(file))) {
    const code = fs.readFileSync(path.join(root, 'dist', name), 'utf8')
    for (const [, , specifier] of code.matchAll(/\b(?:require|require\.resolve|import)\((['"])([^'".][^'"]*)\1\)/g)) {
      if (specifier.startsWith('node:')) continue
      const [scope, rest] = specifier.split('/')
      const wanted = scope.startsWith('@') ? `${scope}/${rest}` : scope
      if (!known.has(wanted)) unknown.add(wanted)
    }
  }
  return [...unknown]
}
