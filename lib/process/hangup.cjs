/**
 * Whether this process should outlive its terminal, like a command started with `nohup`.
 *
 * A process inherits ignored signals, but Node restores every signal's default before any JavaScript runs (PlatformInit
 * in its src/node.cc). So the way the process was started has to be found out:
 *
 * - if its shell ignores SIGHUP (`trap '' HUP`, `nohup sh job.sh`), the shell is the parent, and /proc says so;
 * - a shell puts the name of the program that it starts into `_`: here nohup;
 * - GNU's nohup replaces a terminal as stdin by /dev/null, opened only for writing.
 *
 * If none of these applies, a closed terminal ends the program as Ctrl-C would.
 *
 * This is plain JavaScript because both the command and the set-up use it, and the set-up runs before anything is
 * compiled.
 */
'use strict'
const fs = require('node:fs')
const { basename } = require('node:path')

/** @param {string} name of a file of Linux's /proc @returns {string} '' elsewhere */
function proc(name) {
  try {
    return fs.readFileSync(`/proc/${name}`, 'latin1')
  } catch {
    return ''
  }
}

/** @param {number | 'self'} pid @returns {boolean} */
function ignores(pid) {
  const mask = /^SigIgn:\s*([0-9a-f]+)$/m.exec(proc(`${pid}/status`))?.[1]
  return mask !== undefined && (BigInt(`0x${mask}`) & 1n) === 1n // a bit for each signal from 1, SIGHUP, on
}

/** @returns {boolean} */
function stdinIsWriteOnly() {
  const flags = /^flags:\s*([0-7]+)$/m.exec(proc('self/fdinfo/0'))?.[1]
  return flags !== undefined && (Number.parseInt(flags, 8) & 3) === 1 // O_ACCMODE, O_WRONLY
}

/** @returns {boolean} */
const hangupIsIgnored = () =>
  basename(process.env._ ?? '') === 'nohup' || ignores('self') || ignores(process.ppid) || stdinIsWriteOnly()

module.exports = { hangupIsIgnored }
