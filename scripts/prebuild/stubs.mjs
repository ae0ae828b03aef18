/*
 * Stubs of the C and C++ libraries, to link against: they have the names and versions of the symbols, and no code. Each
 * symbol has the newest version that is not above a ceiling, so what is linked against them runs on a system as old as
 * the ceiling. A program linked on a new system would otherwise need that system's versions: exp@GLIBC_2.29.
 */
import fs from 'node:fs'
import path from 'node:path'
import { SetupError } from '../setup/failure.mjs'
import { makeFolder } from '../setup/folders.mjs'
import { run } from '../setup/run.mjs'
import { compareVersions, dynamicSymbols, family } from './symbols.mjs'

const LINKER = { x64: 'ld-linux-x86-64.so.2', arm64: 'ld-linux-aarch64.so.1' }
/** The libraries that the addon may need beside libtorch and libgcc. */
export const LIBRARIES = ['libstdc++.so.6', 'libm.so.6', 'libc.so.6', LINKER[process.arch]]

const SECTIONS = {
  function: '.text',
  object: '.section .bss,"aw",@nobits',
  tls_object: '.section .tbss,"awT",@nobits',
}

/**
 * Writes the stubs into `folder`, and `stubs.ld`, a linker script that names them all.
 * @param {string} compiler the command of the C++ compiler whose libraries are imitated
 * @param {Record<string, string>} ceilings the newest version of each family: { GLIBC: 'GLIBC_2.28', … }
 */
export async function writeStubs(folder, compiler, ceilings, { log }) {
  makeFolder(folder)
  const files = []
  for (const library of LIBRARIES) {
    const { stdout } = await run(compiler, [`-print-file-name=${library}`], { log })
    const real = stdout.trim()
    if (!path.isAbsolute(real)) throw new SetupError(`${compiler} does not find ${library}`)
    const file = path.join(folder, library)
    await writeStub(file, library, chosenVersions(await dynamicSymbols(real), ceilings), compiler, { log })
    files.push(file)
  }
  fs.writeFileSync(path.join(folder, 'stubs.ld'), `INPUT(${files.map((file) => `"${file}"`).join(' ')})\n`)
}

/** For each symbol the version to link against: the newest that is not above the ceiling of its family. */
export function chosenVersions(symbols, ceilings) {
  const chosen = new Map()
  for (const symbol of symbols) {
    if (!symbol.defined || symbol.version === null) continue
    const ceiling = ceilings[family(symbol.version)]
    if (ceiling === undefined || !/_[\d.]+$/.test(symbol.version)) continue
    if (compareVersions(symbol.version, ceiling) > 0) continue
    const before = chosen.get(symbol.name)
    if (before === undefined || compareVersions(symbol.version, before.version) > 0) chosen.set(symbol.name, symbol)
  }
  return [...chosen.values()]
}

async function writeStub(file, soname, symbols, compiler, { log }) {
  const source = []
  for (const { name, kind, size } of symbols) {
    source.push(SECTIONS[kind], `.globl ${name}`, `.type ${name},@${kind}`, `${name}:`)
    if (kind !== 'function') source.push(`.zero ${size}`, `.size ${name},${size}`)
  }
  const versions = grouped(symbols)
  const script = [...versions].map(([version, all]) => `${version} { global: ${all.map((s) => s.name).join('; ')}; };`)
  fs.writeFileSync(`${file}.s`, `${source.join('\n')}\n`)
  fs.writeFileSync(`${file}.map`, `${script.join('\n')}\n`)
  const options = ['-shared', '-nostdlib', `-Wl,-soname,${soname}`, `-Wl,--version-script,${file}.map`]
  const { code, output } = await run(compiler, [...options, `${file}.s`, '-o', file], { log })
  if (code !== 0) throw new SetupError(`cannot make a stub of ${soname}: ${output.trim()}`)
}

function grouped(symbols) {
  const groups = new Map()
  for (const symbol of symbols) groups.set(symbol.version, [...(groups.get(symbol.version) ?? []), symbol])
  return groups
}
