/*
 * Reads members of the registries' archives: gzipped tar files (npm) and zip files (Python's wheels). The archives are
 * those of sets.mjs, whose checksums are known, so only what these have is read: no zip64, no encryption, no long names.
 */
import fs from 'node:fs'
import zlib from 'node:zlib'
import { SetupError } from '../setup/failure.mjs'

/** No archive of a set is larger than this when unpacked, nor any member. */
const MOST_BYTES = 1 << 28
const BLOCK = 512

/**
 * The content of `members` of an archive.
 * @param {string} file its path, which ends with `.tgz` or `.whl`
 * @param {string[]} members paths in the archive
 * @returns {Map<string, Buffer>}
 * @throws SetupError if the archive is damaged, or lacks one of them
 */
export function readMembers(file, members) {
  const wanted = new Set(members)
  let found
  try {
    const bytes = fs.readFileSync(file)
    found = file.endsWith('.tgz') ? tarMembers(gunzip(bytes), wanted) : zipMembers(bytes, wanted)
  } catch (error) {
    if (error instanceof Damaged || error instanceof RangeError || error.code?.startsWith('Z_')) {
      throw new SetupError(`${file} is damaged: ${error.message}`)
    }
    throw error
  }
  for (const member of wanted) if (!found.has(member)) throw new SetupError(`${file} has no ${member}`)
  return found
}

class Damaged extends Error {}

const gunzip = (bytes) => zlib.gunzipSync(bytes, { maxOutputLength: MOST_BYTES })

function tarMembers(bytes, wanted) {
  const found = new Map()
  for (let at = 0; at + BLOCK <= bytes.length; ) {
    const header = bytes.subarray(at, at + BLOCK)
    if (header.every((byte) => byte === 0)) return found
    const text = (from, to) => header.toString('utf8', from, to).replace(/\0.*$/s, '')
    // The checksum is of the header with blanks in its own place.
    const sum = header.reduce((total, byte, i) => total + (i >= 148 && i < 156 ? 32 : byte), 0)
    if (Number.parseInt(text(148, 156), 8) !== sum) throw new Damaged(`no tar header at byte ${at}`)
    const [prefix, name, length] = [text(345, 500), text(0, 100), Number.parseInt(text(124, 136), 8)]
    const [start, full] = [at + BLOCK, prefix === '' ? name : `${prefix}/${name}`]
    if (!(length <= bytes.length - start)) throw new Damaged(`${full} is cut off`)
    if (wanted.has(full) && /[0\0]/.test(text(156, 157) || '0')) found.set(full, bytes.subarray(start, start + length))
    at = start + Math.ceil(length / BLOCK) * BLOCK
  }
  throw new Damaged('it ends before its end mark')
}

/** Signatures of a zip file's parts. */
const ZIP = { local: 0x04034b50, central: 0x02014b50, end: 0x06054b50 }
/** The sizes of their fixed parts, in bytes. */
const ZIP_SIZE = { local: 30, central: 46, end: 22 }
const STORED = 0
const DEFLATED = 8

function zipMembers(bytes, wanted) {
  const end = bytes.lastIndexOf(Buffer.from([0x50, 0x4b, 0x05, 0x06]))
  if (end === -1 || end + ZIP_SIZE.end > bytes.length) throw new Damaged('it has no table of members')
  const found = new Map()
  let at = bytes.readUInt32LE(end + 16)
  for (let left = bytes.readUInt16LE(end + 10); left > 0; left--) {
    if (bytes.readUInt32LE(at) !== ZIP.central) throw new Damaged(`no member is described at byte ${at}`)
    const [nameLength, extraLength, commentLength] = [28, 30, 32].map((i) => bytes.readUInt16LE(at + i))
    const name = bytes.toString('utf8', at + ZIP_SIZE.central, at + ZIP_SIZE.central + nameLength)
    if (wanted.has(name)) found.set(name, zipMember(bytes, at, name))
    at += ZIP_SIZE.central + nameLength + extraLength + commentLength
  }
  return found
}

/** The content of the member that is described at byte `at`. */
function zipMember(bytes, at, name) {
  const [method, crc] = [bytes.readUInt16LE(at + 10), bytes.readUInt32LE(at + 16)]
  const [packed, length, local] = [20, 24, 42].map((i) => bytes.readUInt32LE(at + i))
  if (bytes.readUInt32LE(local) !== ZIP.local) throw new Damaged(`${name} is not at byte ${local}`)
  const start = local + ZIP_SIZE.local + bytes.readUInt16LE(local + 26) + bytes.readUInt16LE(local + 28)
  if (start + packed > bytes.length || length > MOST_BYTES) throw new Damaged(`${name} is cut off`)
  if (method !== STORED && method !== DEFLATED) throw new Damaged(`${name} is compressed in an unknown way (${method})`)
  const raw = bytes.subarray(start, start + packed)
  const content = method === STORED ? raw : zlib.inflateRawSync(raw, { maxOutputLength: Math.max(length, 1) })
  if (content.length !== length || zlib.crc32(content) !== crc) throw new Damaged(`${name} is not what was packed`)
  return content
}
