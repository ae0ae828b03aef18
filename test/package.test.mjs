// The package as its users meet it: both module systems, types, names, and what happens without the addon.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import byDefault, * as named from 'mbconv'
import t from 'tap'
import { internal } from './helpers/internals.mjs'

const require = createRequire(import.meta.url)
const root = fileURLToPath(new URL('..', import.meta.url))

t.test('import and require give the same instance under the same names', async (t) => {
  const required = require('mbconv')
  t.equal(byDefault, required)
  const names = Object.keys(required)
  for (const name of names) t.equal(named[name], required[name], name)
  t.ok(named.tensor([1]) instanceof required.Tensor)
})

t.test('every export of the addon has its TypeScript signature, and the reverse', async (t) => {
  const { native } = internal('addon')
  const declared = ['native/signatures.ts', 'native/operations.ts'].flatMap((file) => {
    const source = readFileSync(join(root, 'lib', file), 'utf8')
    const body = source.slice(source.indexOf('export interface Native'))
    return [...body.matchAll(/^ {2}(\w+)[(:]/gm)].map((match) => match[1])
  })
  t.same(declared.sort(), Object.keys(native()).sort())
})

t.test('every export of the addon has a face: something in lib/ calls it', async (t) => {
  const { native } = internal('addon')
  const sources = readdirSync(join(root, 'lib'), { recursive: true })
    .filter((file) => file.endsWith('.ts') && !/^native.(signatures|operations)\.ts$/.test(file))
    .map((file) => readFileSync(join(root, 'lib', file), 'utf8'))
    .join('\n')
  // native().x, addon.x and requireCuda(…).x are all the ways there are; a call of anything else is no face.
  const used = new Set()
  for (const [, name] of sources.matchAll(/(?:\bnative\(\)|\baddon|\brequireCuda\([^()]*\))\s*\.(\w+)/g)) used.add(name)
  // What only tests and scripts ask.
  const inner = new Set(['signatures', 'scopeDepth', 'liveTensors', 'augmentOpcodes'])
  t.same(
    Object.keys(native()).filter((name) => !used.has(name) && !inner.has(name)),
    [],
  )
})

t.test('without the addon: importing works, using it says what to do', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'mbconv-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const broken = join(folder, 'broken.node')
  writeFileSync(broken, 'no addon at all')
  for (const addon of [join(folder, 'absent.node'), broken]) {
    const run = spawnSync(
      process.execPath,
      [
        '-e',
        `const mb = require('mbconv'); console.log(mb.models.count(mb.models.arch('efficientnet_b0')).params)
         try { mb.zeros([1]) } catch (e) { console.log(JSON.stringify({ code: e.code, message: e.message, hint: e.hint })) }`,
      ],
      { cwd: root, encoding: 'utf8', env: { ...process.env, MBCONV_ADDON: addon } },
    )
    const [params, error] = run.stdout.trim().split('\n')
    t.equal(params, '5288548', 'counting needs no native code')
    t.match(JSON.parse(error), { code: 'ERR_NATIVE_LOAD', message: addon, hint: /npx mbconv setup/ })
  }
})

t.test(
  'every package that is used runs on the oldest Node that is promised, and every pin has its reason',
  async (t) => {
    const { engines, '//': reasons, ...manifest } = require('../package.json')
    const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'))
    const semver = createRequire(require.resolve('node-gyp/package.json'))('semver')
    const oldest = semver.minVersion(engines.node)
    const used = { ...manifest.dependencies, ...manifest.optionalDependencies, ...manifest.devDependencies }
    for (const name of Object.keys(used)) {
      const { version, engines } = packages[`node_modules/${name}`]
      t.ok(semver.satisfies(oldest, engines?.node ?? '*'), `${name} ${version} runs on Node ${oldest}`)
    }
    for (const name of Object.keys(reasons)) t.ok(Object.hasOwn(used, name), `${name} is used`)
  },
)

t.test('the types fit their use', async (t) => {
  const tsc = require.resolve('typescript/bin/tsc')
  const run = spawnSync(process.execPath, [tsc, '-p', join(root, 'test/types')], { cwd: root, encoding: 'utf8' })
  t.equal(run.status, 0, run.stdout)
})
