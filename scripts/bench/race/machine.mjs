// What the race ran on.
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import os from 'node:os'

/** The instruction sets that matter for these networks, under the names of Linux. */
const INSTRUCTIONS = [
  ...[
    'avx2',
    'fma',
    'avx_vnni',
    'avx512f',
    'avx512_vnni',
    'avx512_bf16',
    'avx512_fp16',
    'amx_tile',
    'amx_bf16',
    'amx_int8',
  ],
  ...['asimd', 'asimddp', 'bf16', 'i8mm', 'sve', 'sve2'],
]

/** The text that a program prints; empty where there is no such program. */
const printed = (command, ...words) => spawnSync(command, words, { encoding: 'utf8' }).stdout ?? ''

function instructionsIn(cpuinfo) {
  const [, flags = ''] = /^(?:flags|Features)\s*:(.*)$/m.exec(cpuinfo) ?? []
  const found = new Set(flags.trim().split(/\s+/))
  return INSTRUCTIONS.filter((name) => found.has(name))
}

/** Cores, of which each may run several hardware threads; as many of them as this process may use. */
export function physicalCores(table = printed('lscpu', '-p=CORE,SOCKET')) {
  const cores = new Set(table.split('\n').filter((line) => /^\d/.test(line)))
  const usable = os.availableParallelism()
  return cores.size === 0 ? usable : Math.min(cores.size, usable)
}

function cpuinfo() {
  try {
    return readFileSync('/proc/cpuinfo', 'utf8')
  } catch {
    return '' // not Linux
  }
}

/** The processor, its instruction sets, memory, the system, and how busy it is at this moment. */
export function thisMachine() {
  const [, model] = /^Model name:\s*(.+)$/m.exec(printed('lscpu')) ?? []
  return {
    model: (model ?? os.cpus()[0]?.model ?? 'unknown').trim(),
    cores: physicalCores(),
    instructions: instructionsIn(cpuinfo()),
    memory: os.totalmem(),
    system: `${os.type()} ${os.release()} ${os.arch()}`,
    load: os.loadavg(),
  }
}
