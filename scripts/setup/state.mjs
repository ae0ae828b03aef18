/* The record of the last set-up (build/setup.json), and the fingerprints that decide whether to repeat a step. */
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { makeFolder } from './folders.mjs'

/** Raise this when the meaning of the stamps changes: older files are then ignored, and every step runs again. */
const FORMAT = 1

export function statePath(root) {
  return path.join(root, 'build', 'setup.json')
}

/** The facts of the last set-up; an empty object if there was none or its file is invalid. */
export function readState(root) {
  try {
    const state = JSON.parse(fs.readFileSync(statePath(root), 'utf8'))
    return state !== null && typeof state === 'object' && state.format === FORMAT ? state : { format: FORMAT }
  } catch {
    return { format: FORMAT }
  }
}

export function writeState(root, state) {
  writeFileWhole(statePath(root), `${JSON.stringify({ ...state, format: FORMAT }, null, 2)}\n`)
}

/** Writes a file atomically: a reader, or a crash, sees either the old content or the new. */
export function writeFileWhole(file, content) {
  makeFolder(path.dirname(file))
  const temporary = `${file}.${process.pid}.tmp`
  const handle = fs.openSync(temporary, 'w')
  try {
    fs.writeFileSync(handle, content)
    fs.fsyncSync(handle)
  } finally {
    fs.closeSync(handle)
  }
  fs.renameSync(temporary, file)
}

/** Paths of the files under `dir` (sorted, relative to it, with forward slashes) for which `wanted(path)` holds. */
export function listFiles(dir, wanted = () => true) {
  const found = []
  const visit = (sub) => {
    let entries
    try {
      entries = fs.readdirSync(path.join(dir, sub), { withFileTypes: true })
    } catch (error) {
      if (error.code === 'ENOENT') return
      throw error
    }
    for (const entry of entries) {
      const name = sub === '' ? entry.name : `${sub}/${entry.name}`
      if (entry.isDirectory()) visit(name)
      else if (wanted(name)) found.push(name)
    }
  }
  visit('')
  return found.sort()
}

/** A digest of the names and contents of files (relative to `root`), and of `extra` (any JSON value). */
export function contentDigest(root, files, extra = null) {
  const hash = createHash('sha256')
  for (const file of files) {
    const content = fs.readFileSync(path.join(root, file))
    hash.update(`${file}\0${content.length}\0`).update(content)
  }
  return hash.update(JSON.stringify(extra)).digest('hex')
}

/** The SHA-256 of a file of any size, in hexadecimal. */
export function sha256OfFile(file) {
  const hash = createHash('sha256')
  const block = Buffer.allocUnsafe(1 << 22)
  const handle = fs.openSync(file, 'r')
  try {
    for (;;) {
      const count = fs.readSync(handle, block, 0, block.length, null)
      if (count === 0) return hash.digest('hex')
      hash.update(block.subarray(0, count))
    }
  } finally {
    fs.closeSync(handle)
  }
}

/** A digest of names, sizes and times of everything under `dir`, without reading it; null if `dir` is missing. */
export function treeDigest(dir) {
  if (!fs.existsSync(dir)) return null
  const hash = createHash('sha256')
  for (const file of listFiles(dir)) {
    const { size, mtimeMs, mode } = fs.statSync(path.join(dir, file))
    hash.update(`${file}\0${size}\0${mtimeMs}\0${mode}\n`)
  }
  return hash.digest('hex')
}

/** Size and time of one file as a string; '' if it is missing. */
export function fileMark(file) {
  const stat = fs.statSync(file, { throwIfNoEntry: false })
  return stat === undefined ? '' : `${stat.size}:${stat.mtimeMs}`
}
