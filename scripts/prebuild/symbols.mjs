/* The symbols of ELF files and their versions, as objdump lists them. */
import { SetupError } from '../setup/failure.mjs'
import { run } from '../setup/run.mjs'

/** A line of `objdump -T`: address, flags, section, size, version (in parentheses: not the default one), name. */
const LINE = /^[0-9a-f]+ (.{7}) (\S+)\s+([0-9a-f]+)\s+(?:(\(?)([A-Za-z]\w*[\w.]*)\)?\s+)?(?:\.hidden )?(\S+)$/

/**
 * The dynamic symbols of a file.
 * @returns {Promise<{name: string, version: string|null, defined: boolean, usual: boolean, kind: 'function'|'object'|'tls_object', size: number}[]>}
 *   usual: the version that a program gets which does not name one; tls_object: data of each thread
 */
export async function dynamicSymbols(file) {
  const { code, stdout, output } = await run('objdump', ['-T', file])
  if (code !== 0) throw new SetupError(`objdump cannot read ${file}: ${output.trim()}`)
  const symbols = []
  for (const line of stdout.split('\n')) {
    const [, flags, section, size, hidden, version, name] = LINE.exec(line) ?? []
    if (name === undefined || section === '*ABS*') continue
    symbols.push({
      name,
      version: version ?? null,
      defined: section !== '*UND*',
      usual: hidden === '',
      kind: /^\.t(bss|data)$/.test(section) ? 'tls_object' : flags.includes('O') ? 'object' : 'function',
      size: Number.parseInt(size, 16),
    })
  }
  return symbols
}

/** Orders versions such as GLIBC_2.28 and GLIBC_2.3.4 of one family. */
export function compareVersions(a, b) {
  const [left, right] = [a, b].map((version) => version.split('_').pop().split('.').map(Number))
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}

/** GLIBC of GLIBC_2.28. */
export const family = (version) => version.slice(0, version.lastIndexOf('_'))

/** The newest version of each family among the symbols that a file needs: { GLIBC: 'GLIBC_2.28', … }. */
export function newestNeeded(symbols) {
  const newest = {}
  for (const { version, defined } of symbols) {
    if (defined || version === null || !/_[\d.]+$/.test(version)) continue
    const name = family(version)
    if (newest[name] === undefined || compareVersions(version, newest[name]) > 0) newest[name] = version
  }
  return newest
}
