// Without the optional packages, which npm may leave out: everything else works, and the error says what to install.
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import t from 'tap'
import { internalPath } from './helpers/internals.mjs'
import { five, writeExperiment } from './helpers/made-up-experiment.mjs'
import { tinyConfig } from './helpers/tiny.mjs'

const DRAWING = ['@observablehq/plot', 'linkedom', '@resvg/resvg-js', '@expo-google-fonts/lato']

/** A preload that makes packages look as if they were not installed. */
const hiding = (packages) => `
  const missing = (name) => Object.assign(new Error('Cannot find package ' + name), { code: 'MODULE_NOT_FOUND' })
  const hidden = /^(${packages.join('|').replaceAll('/', '\\/')})/
  const Module = require('node:module')
  const resolve = Module._resolveFilename
  Module._resolveFilename = function (name, ...rest) {
    if (hidden.test(name)) throw missing(name)
    return resolve.call(this, name, ...rest)
  }
  const hook = 'export const resolve = (name, context, next) => {' +
    'if (' + hidden + '.test(name)) throw new Error("Cannot find package " + name); return next(name, context) }'
  Module.register('data:text/javascript,' + encodeURIComponent(hook))`

/** Runs a script without some packages; gives what it prints as JSON, line by line. */
function runWithout(t, dir, packages, script) {
  const preload = join(dir, 'hide.cjs')
  writeFileSync(preload, hiding(packages))
  const run = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    encoding: 'utf8',
    // Unlike an argument, this reaches the worker thread that trains.
    env: { ...process.env, NODE_OPTIONS: `--require ${JSON.stringify(preload)}` },
  })
  t.equal(run.status, 0, run.stderr)
  return run.stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
}

const url = (path) => JSON.stringify(pathToFileURL(path).href)
const PACKAGE = JSON.stringify(import.meta.resolve('mbconv'))
const say = 'const say = ({ code, message, hint }) => console.log(JSON.stringify({ code, message, hint }))'

t.test('training ends as ever, with a warning in the place of its curves; a report is refused', async (t) => {
  const dir = t.testdir()
  const { plan, rows } = five()
  const folder = join(dir, 'experiment')
  const config = tinyConfig(dir, { top: { epochs: 1, schedule: { name: 'staircase', warmupEpochs: 0 } } })
  writeExperiment(folder, plan, rows)
  const [warning, result, refusal] = runWithout(
    t,
    dir,
    DRAWING,
    `import mb from ${PACKAGE}
    ${say}
    const run = mb.train(${JSON.stringify(config)})
    for await (const event of run) if (event.type === 'warning') console.log(JSON.stringify(event))
    console.log(JSON.stringify(await run.result))
    await mb.experiment.report(${JSON.stringify(folder)}).catch(say)`,
  )
  t.match(warning.message, /^the curves could not be drawn: drawing needs the package @observablehq\/plot/)
  t.match(warning.message, /npm install @observablehq\/plot/)
  t.equal(result.steps, 4)
  t.match(refusal, { code: 'ERR_ENVIRONMENT', message: /^drawing needs the package @/, hint: /^npm install @/ })
})

for (const name of DRAWING) {
  t.test(`without ${name} alone, the error names it and the command`, async (t) => {
    const [error] = runWithout(
      t,
      t.testdir(),
      [name],
      `import plot from ${url(internalPath('plotLibrary'))}
      import png from ${url(internalPath('png'))}
      ${say}
      await plot.loadPlot().then(() => png.svgToPng('<svg xmlns="http://www.w3.org/2000/svg"/>')).catch(say)`,
    )
    t.same(error, {
      code: 'ERR_ENVIRONMENT',
      message: `drawing needs the package ${name}, which cannot be loaded`,
      hint: `npm install ${name}`,
    })
  })
}

t.test('without uplot, mbconv watch is refused; nothing else needs it', async (t) => {
  const [error] = runWithout(
    t,
    t.testdir(),
    ['uplot'],
    `import server from ${url(internalPath('watchServer'))}
    ${say}
    await server.serveRuns({ folders: [], dir: 'none', newest: 1 }).catch(say)`,
  )
  t.same(error, {
    code: 'ERR_ENVIRONMENT',
    message: 'the page of mbconv watch needs the package uplot, which cannot be loaded',
    hint: 'npm install uplot',
  })
})
