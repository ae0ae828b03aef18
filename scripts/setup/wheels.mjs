/*
 * The known wheels: wheels.json has the SHA-256 of every wheel that the set-up may receive, by file name
 * (scripts/pin-wheels.mjs makes it). pip compares its downloads with the index's checksums. This file compares them
 * with the checksums from when the versions were chosen, so that a changed index or mirror is noticed.
 */
import fs from 'node:fs'
import path from 'node:path'
import { SetupError } from './failure.mjs'
import { sha256OfFile } from './state.mjs'

/** A wheel that must not be used; the code that catches this error removes it. */
export class DamagedWheel extends SetupError {}

/** @returns {Record<string, {sha256: string, size?: number}>} by file name; size: in bytes, if the index gives it */
export function knownWheels() {
  return JSON.parse(fs.readFileSync(new URL('wheels.json', import.meta.url), 'utf8'))
}

/**
 * Compares a downloaded wheel with the known one of its name. An unknown name (a mirror's own build, a wheel for a
 * newer Python) is reported and accepted: pip has checked it against its index, and nothing more is known.
 * @param {{log: number, logFile: string, detail: (text: string) => void, say: (text: string) => void}} tools
 * @throws DamagedWheel if it differs
 */
export function checkWheel(file, { log, logFile, detail, say }) {
  const name = path.basename(file)
  detail(`checking ${name}`)
  const found = sha256OfFile(file)
  fs.writeSync(log, `${name}: SHA-256 ${found}\n`)
  const wheels = knownWheels()
  if (!Object.hasOwn(wheels, name)) {
    say(`${name} is not among the wheels that this version of mbconv knows; only pip's index vouches for it`)
    return
  }
  const { sha256, size } = wheels[name]
  if (found === sha256) return
  const bytes = fs.statSync(file).size
  const length = size === undefined || size === bytes ? '' : ` (${bytes} bytes of ${size})`
  throw new DamagedWheel(
    `${file} is not what was published: its SHA-256 is ${found}${length}, it should be ${sha256}`,
    {
      hint: 'The file has been removed; start again to download it anew. Should that fail too, the index that pip uses (`python3 -m pip config list`) has another file under this name: use another index, or set LIBTORCH to a libtorch that you trust.',
      log: logFile,
      excerpt: '',
    },
  )
}
