#!/usr/bin/env node
/*
 * Makes a fresh clone (or an installed package) ready to run: npm packages, libtorch, the native addon, the JavaScript.
 * Only what changed is done again; `node scripts/setup.mjs --help` lists the switches.
 *
 * This file stays readable for old Node versions, so that they get a sentence instead of a syntax error.
 */
const major = Number(process.versions.node.split('.')[0])

if (major < 18) {
  console.error(`mbconv needs Node 20.19 or newer; this is Node ${process.versions.node}. See https://nodejs.org`)
  process.exitCode = 3
} else {
  import('./setup/main.mjs')
    .then((setup) => setup.main(process.argv.slice(2)))
    .then((code) => {
      process.exitCode = code
    })
}
