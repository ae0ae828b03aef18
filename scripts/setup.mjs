#!/usr/bin/env node
/*
 * Makes a fresh clone (or an installed package) ready to run: npm packages, libtorch, the native addon, the JavaScript.
 * Repeats only what changed; `node scripts/setup.mjs --help` lists the switches.
 *
 * This file must parse in old Node versions, so that they print a message instead of a syntax error.
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
