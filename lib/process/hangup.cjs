/**
 * Whether this process is to outlive its terminal, as what `nohup` starts.
 *
 * A process inherits that a signal is ignored, but Node gives every signal its default back before any JavaScript runs
 * (PlatformInit in its src/node.cc). What is left is what started it:
 *
 * - a shell that ignores SIGHUP itself (`trap '' HUP`, `nohup sh job.sh`) is the parent, and /proc says so;
 * - shells name the program they start in `_`, which is nohup then;
 * - GNU's nohup puts /dev/null, opened for writing only, in the place of a terminal as stdin.
 *
 * Where none of these shows, a closed terminal ends a program as Ctrl-C would.
 *
 * This is plain JavaScript because two need it: the command, and the set-up, which runs before anything is compiled.
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
  return mask !== undefined && (BigInt(`0x${mask}`) & 1n) === 1n // a bit for each signal from 1, which is SIGHUP
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
