// Who races: mbconv in its forms, and its rivals. Which of them this machine has, and how to get the others.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const scriptAt = (name) => fileURLToPath(new URL(name, import.meta.url))
const PYTHON_SCRIPT = scriptAt('../../goldens/race.py')

const OURS = { isOurs: true, program: 'mbconv.mjs', fused: true, precision: 'f32', backend: 'auto' }
const TORCH = { library: 'pytorch', needs: ['torch', 'torchvision'], layout: 'contiguous', compiled: false }
const PREDICT = ['predict']
const BOTH = ['predict', 'train']

/*
 * `tasks`: the rows it takes part in. `needs`: Python packages. `layout` of images and weights in memory. `precision`: a
 * contestant in bf16 needs a processor that computes with it.
 */
export const CONTESTANTS = [
  { id: 'mbconv', label: 'mbconv', tasks: BOTH, ...OURS },
  { id: 'mbconv-composite', label: "mbconv, libtorch's kernels", tasks: BOTH, ...OURS, backend: 'composite' },
  { id: 'mbconv-unfused', label: 'mbconv without `fuse()`', tasks: PREDICT, ...OURS, fused: false },
  { id: 'mbconv-bf16', label: 'mbconv, bf16', tasks: PREDICT, ...OURS, precision: 'bf16' },
  { id: 'pytorch', label: 'PyTorch eager', tasks: BOTH, ...TORCH },
  { id: 'pytorch-channels-last', label: 'PyTorch eager, channels-last', tasks: BOTH, ...TORCH, layout: 'channelsLast' },
  {
    ...{ id: 'torch-compile', label: '`torch.compile`', tasks: BOTH },
    ...{ ...TORCH, layout: 'channelsLast', compiled: true },
  },
  { id: 'onnxruntime', label: 'onnxruntime', tasks: PREDICT, library: 'onnxruntime', needs: ['onnxruntime'] },
  { id: 'onnxruntime-node', label: 'onnxruntime-node', tasks: PREDICT, program: 'onnxruntime-node.mjs' },
  { id: 'openvino', label: 'OpenVINO', tasks: PREDICT, library: 'openvino', precision: 'f32', needs: ['openvino'] },
  {
    ...{ id: 'openvino-bf16', label: 'OpenVINO, bf16', tasks: PREDICT },
    ...{ library: 'openvino', precision: 'bf16', needs: ['openvino'] },
  },
  { id: 'tfjs-wasm', label: 'tfjs-wasm, 1 thread', tasks: PREDICT, program: 'tfjs-wasm.mjs', package: 'tfjs' },
]

/**
 * Relative distances from the exact output up to which a contestant computes the right network. Networks with random
 * weights amplify the rounding of bf16; the output of another network would be about 1.4 off.
 */
export const TOLERANCE = { f32: 1e-4, bf16: 0.2 }
export const toleranceOf = ({ precision }) => TOLERANCE[precision ?? 'f32']

/** The Python whose libraries race. */
export const peerPython = (env = process.env) => env.MBCONV_PEER_PYTHON ?? 'python3'

/** The Python packages among `names` that are installed there. */
export function pythonPackages(python, names) {
  const code = 'import importlib.util, sys; print(*[n for n in sys.argv[1:] if importlib.util.find_spec(n)])'
  const { status, stdout } = spawnSync(python, ['-c', code, ...names], { encoding: 'utf8' })
  return status === 0 ? stdout.trim().split(/\s+/) : []
}

/** Why a contestant cannot race here, and how to change that; null if it can. */
export function obstacle(contestant, { python, installed, instructions }) {
  const { needs = [], precision, package: folder } = contestant
  const lacking = needs.filter((name) => !installed.includes(name))
  if (lacking.length > 0) {
    const get = `\`${python} -m pip install ${lacking.join(' ')}\`, or MBCONV_PEER_PYTHON=/path/to/a/python that has it`
    return { reason: `${python} has no ${lacking.join(' and no ')}`, get }
  }
  if (folder !== undefined && !existsSync(scriptAt(`../${folder}/node_modules`))) {
    const get = `\`npm ci --ignore-scripts --prefix scripts/bench/${folder}\``
    return { reason: `scripts/bench/${folder} has no packages`, get }
  }
  if (precision === 'bf16' && !instructions.some((name) => /^(avx512_bf16|amx_bf16|bf16)$/.test(name))) {
    return { reason: 'the processor has no instructions for bf16', get: 'a processor with avx512_bf16 or amx_bf16' }
  }
  return null
}

/** The command and the environment of a contestant's process for a row. */
export function commandOf(contestant, row, { python, env, threads, files, isClocked = false }) {
  const { program, backend } = contestant
  const spec = JSON.stringify({ ...contestant, ...row, threads, files, isClocked })
  const command = program === undefined ? [python, PYTHON_SCRIPT, spec] : [process.execPath, scriptAt(program), spec]
  return { command, env: backend === undefined ? env : { ...env, MBCONV_BACKEND: backend } }
}
