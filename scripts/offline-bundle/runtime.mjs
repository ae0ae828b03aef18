/* The Node binary of a bundle: checks the libraries it needs, strips its symbols and compresses it. */
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import zlib from 'node:zlib'
import { inEnglish } from '../setup/run.mjs'

/** Libraries that every Linux with a C++ compiler has. */
const EVERYWHERE = /^(linux-vdso|ld-linux[\w-]*|lib(c|m|dl|rt|pthread|gcc_s|stdc\+\+|atomic))\.so/

/** Shared libraries that a program needs and that other machines may lack. */
export function uncommonLibraries(file) {
  let listing
  try {
    listing = execFileSync('ldd', [file], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
      env: inEnglish(),
    })
  } catch (error) {
    if (/not a dynamic executable/.test(error.stderr ?? '')) return []
    throw error
  }
  return listing
    .split('\n')
    .map((line) => path.basename(line.trim().split(' ')[0]))
    .filter((name) => name !== '' && !EVERYWHERE.test(name))
}

/**
 * Writes `node` (a path) compressed to `to`. If `strip` is available, removes the symbols, a tenth of the size.
 *
 * @returns {{version: string, bytes: number, stripped: boolean}}
 */
export function packRuntime(node, to) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'mbconv-node-'))
  try {
    const copy = path.join(folder, 'node')
    fs.copyFileSync(node, copy)
    fs.chmodSync(copy, 0o755)
    const stripped = strip(copy)
    const version = execFileSync(copy, ['--version'], { encoding: 'utf8' }).trim()
    const binary = fs.readFileSync(copy)
    fs.writeFileSync(to, zlib.gzipSync(binary, { level: 9 }))
    return { version, bytes: binary.length, stripped }
  } finally {
    fs.rmSync(folder, { recursive: true, force: true })
  }
}

function strip(file) {
  const before = fs.readFileSync(file)
  try {
    execFileSync('strip', ['--strip-all', file], { stdio: 'ignore' })
    execFileSync(file, ['-e', '0'], { stdio: 'ignore' })
    return true
  } catch {
    // strip is missing, or its result does not run.
    fs.writeFileSync(file, before)
    return false
  }
}
