#!/usr/bin/env node
/*
 * Checks on a machine with an NVIDIA GPU that mbconv gives the same results there as on the CPU, and measures its
 * speed.
 *
 *   node scripts/verify-cuda.mjs [--out FILE] [--only SECTION,…] [--device cuda:1]
 *   node scripts/verify-cuda.mjs --self-test [--quick]
 *
 * Plain Node: no test runner, no network. Prints one line per check and ends with "N passed, N failed"; --out writes
 * the same as JSON, with hardware and versions. --self-test runs every comparison on the CPU against the CPU, which
 * checks this script on a machine without a GPU; --quick uses smaller networks and fewer steps.
 *
 * Exit status: 0 all passed, 1 something failed, 2 wrong usage, 3 there is no usable GPU here.
 */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

// NVIDIA's libraries read this once at their start: single precision must be real single precision. Throughput, where
// TF32 belongs, is measured in a separate process with the original environment.
const environment = { ...process.env }
process.env.NVIDIA_TF32_OVERRIDE = '0'

const { default: mb } = await import('mbconv')
const { Absent, Report } = await import('./verify-cuda/report.mjs')
const { describeMachine } = await import('./verify-cuda/hardware.mjs')

const SECTIONS = {
  ops: async (...to) => (await import('./verify-cuda/ops.mjs')).checkOps(...to),
  blocks: async (...to) => (await import('./verify-cuda/networks.mjs')).checkBlocks(...to),
  network: async (...to) => (await import('./verify-cuda/networks.mjs')).checkB0(...to),
  optimizers: async (...to) => (await import('./verify-cuda/optimizers.mjs')).checkOptimizers(...to),
  graphs: async (...to) => (await import('./verify-cuda/graphs.mjs')).checkGraphs(...to),
  memory: async (...to) => (await import('./verify-cuda/memory.mjs')).checkLeaks(...to),
  'out-of-memory': async (...to) => (await import('./verify-cuda/memory.mjs')).checkOutOfMemory(...to),
  digits: async (...to) => (await import('./verify-cuda/digits.mjs')).checkDigits(...to),
  throughput: checkThroughput,
}

function readOptions() {
  const { values } = parseArgs({
    options: {
      out: { type: 'string' },
      only: { type: 'string' },
      device: { type: 'string', default: 'cuda' },
      'self-test': { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
    },
  })
  const selfTest = values['self-test']
  const sections = values.only?.split(',') ?? Object.keys(SECTIONS)
  const unknown = sections.filter((name) => !Object.hasOwn(SECTIONS, name))
  if (unknown.length > 0)
    throw new Error(`no section ${unknown.join(', ')}; there are ${Object.keys(SECTIONS).join(', ')}`)
  if (values.quick && !selfTest) throw new Error('--quick is for --self-test: what it leaves out is what proves a GPU')
  if (!/^cuda(:\d+)?$/.test(values.device)) throw new Error('--device takes cuda or cuda:N')
  return { out: values.out, sections, quick: values.quick, selfTest, device: selfTest ? 'cpu' : values.device }
}

/**
 * Every setting is a check that passes if it ran, or ran out of memory where others did not. The numbers go to the
 * JSON.
 */
async function checkThroughput(report, { device, quick }) {
  const script = fileURLToPath(new URL('verify-cuda/throughput.mjs', import.meta.url))
  const args = [script, '--device', device, ...(quick ? ['--quick'] : [])]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'], env: environment })
  const ended = new Promise((resolve) => child.on('close', (code, signal) => resolve(signal ?? code)))
  for await (const line of createInterface({ input: child.stdout })) {
    const { failure, absent, ...result } = JSON.parse(line)
    const { model, size, batch, dtype, mode, by, imagesPerSecond, secondsPerStep } = result
    const name = `${model} at ${size} px, batch ${batch}, ${dtype}${by ? ` (${by})` : ''}, ${mode}`
    await report.check(name, () => {
      if (absent) throw new Absent(failure)
      if (failure !== undefined) return { ok: false, detail: failure }
      report.throughput.push(result)
      return {
        ok: imagesPerSecond > 0,
        detail: `${imagesPerSecond.toFixed(0)} images/s, ${(1000 * secondsPerStep).toFixed(2)} ms a step`,
      }
    })
  }
  await report.check('measured to the end', async () => {
    const how = await ended
    return { ok: how === 0, detail: how === 0 ? undefined : `the process ended with ${how}` }
  })
}

async function main() {
  let options
  try {
    options = readOptions()
  } catch (error) {
    console.error(`verify-cuda: ${error.message}`)
    return 2
  }
  const { selfTest, device, quick, sections } = options
  let whyNot
  try {
    whyNot = mb.cuda.whyNot()
  } catch (error) {
    if (error.code !== 'ERR_NATIVE_LOAD') throw error
    console.error(`verify-cuda: ${error.message}\n${error.hint}`)
    return 3
  }
  const mode = selfTest ? 'self-test: CPU against CPU, no GPU involved' : `${device} against the CPU`
  const facts = { mode, reference: 'CPU, float64', whyNot, quick, sections, ...describeMachine() }
  const report = new Report(facts, { file: options.out })
  if (!selfTest && whyNot !== null) {
    report.save(false)
    console.log(`no GPU can be used here: ${whyNot}`)
    return 3
  }
  if (!selfTest) {
    // Sets the same as the environment variable, in libtorch as well, if this build supports it.
    mb.cuda.setFlags?.({ matmulTF32: false, cudnnTF32: false })
    facts.device = mb.cuda.getDeviceProperties?.(device)
    facts.flags = mb.cuda.flags?.()
  }
  report.say(`mbconv, ${mode}`)
  report.say(JSON.stringify({ ...facts.hardware, ...facts.versions }))
  for (const name of sections) await report.section(name, () => SECTIONS[name](report, { device, quick }))
  report.save()
  if (report.absent > 0) report.say(`${report.absent} not in this build or not on this device`)
  report.say(`${report.passed} passed, ${report.failed} failed`)
  return report.failed === 0 && report.passed > 0 ? 0 : 1
}

process.exitCode = await main()
