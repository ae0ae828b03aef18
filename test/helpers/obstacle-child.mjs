/*
 * Puts something else in the place of a file, and runs the command that would open it: once for each thing and place, all
 * in this process. Each case writes a line when it begins and one when it has ended, so that a watcher sees which hangs.
 */
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import { createRequire } from 'node:module'
import net from 'node:net'
import path from 'node:path'

const { main } = createRequire(import.meta.url)('../../dist/cli/main.js')
const [folder, ...only] = process.argv.slice(2)
process.chdir(folder)

/** What may lie where a file should. */
const OBSTACLES = {
  fifo: (file) => execFileSync('mkfifo', [file]),
  'endless device': (file) => fs.symlinkSync('/dev/zero', file),
  folder: (file) => fs.mkdirSync(file),
  'dangling link': (file) => fs.symlinkSync('/nowhere/at/all', file),
}
/** Those that the file system tells apart, not the code: laid in some places. */
const MORE_OBSTACLES = {
  'full device': (file) => fs.symlinkSync('/dev/full', file),
  socket: (file) => new Promise((resolve) => net.createServer().listen(file, resolve).unref()),
  'circle of links': (file) => fs.symlinkSync(path.basename(file), file),
  'file of /proc': (file) => fs.symlinkSync('/proc/self/mem', file),
}
const MORE_IN = ['config.json of a run', 'metrics.jsonl of a run', 'a configuration', 'an image', 'a list of images']

/** Runs a command with what it writes caught. */
async function run(words) {
  let text = ''
  const { stdout, stderr } = process
  const [out, err] = [stdout.write, stderr.write]
  stdout.write = stderr.write = (piece) => {
    text += piece
    return true
  }
  try {
    return { status: await main([...words, '--json']), text }
  } finally {
    stdout.write = out
    stderr.write = err
  }
}

const tell = (line) => fs.writeSync(1, `${JSON.stringify(line)}\n`)

/** Copies below a name of its own, so that a case leaves nothing to the next. */
let copies = 0
function copyOf(from) {
  const to = `copy-${++copies}`
  fs.cpSync(from, to, { recursive: true })
  return to
}

const inRun = (file, words) => () => {
  const copy = copyOf('run')
  return { file: path.join(copy, file), words: words(copy) }
}
const resume = (copy) => ['train', '--resume', copy]
const inExperiment = (file, words) => () => {
  const copy = copyOf('experiment')
  return { file: path.join(copy, file), words: words(copy) }
}
const alone = (name, words) => () => {
  const file = `alone-${++copies}${name}`
  return { file, words: words(file) }
}
const step = path.join('checkpoints', fs.readdirSync('run/checkpoints').at(-1))

const PLACES = {
  'config.json of a run': inRun('config.json', resume),
  'metrics.jsonl of a run': inRun('metrics.jsonl', resume),
  '.lock of a run': inRun('.lock', resume),
  'result.json of a run': inRun('result.json', (copy) => ['train', '--resume', copy, '--epochs=2', '--maxSteps=2']),
  'state.json of a checkpoint': inRun(`${step}/state.json`, (copy) => ['eval', copy]),
  'weights of a checkpoint': inRun(`${step}/model.safetensors`, (copy) => ['eval', path.join(copy, step)]),
  'the folder of checkpoints': inRun('checkpoints', (copy) => ['eval', copy]),
  'a run': alone('', (file) => ['eval', file]),
  'the folder of runs': alone('', (file) => ['train', 'small.yaml', `--run.dir=${file}/runs`]),
  'a configuration': alone('.yaml', (file) => ['train', file]),
  'an image file of a data set': alone('.idx', (file) => ['train', 'small.yaml', `--data.trainImages=${file}`]),
  'weights to begin with': alone('.pth', (file) => ['train', 'small.yaml', `--model.weights=${file}`]),
  'an image': alone('.png', (file) => ['predict', file, '--run', 'run']),
  'a list of images': alone('.txt', (file) => ['predict', '--files-from', file, '--run', 'run']),
  'a model': alone('.safetensors', (file) => ['predict', 'x.png', '--run', file]),
  'a model’s card': alone('.card.json', (file) => {
    const weights = file.replace('.card.json', '.safetensors')
    fs.copyFileSync('cardless.safetensors', weights)
    return ['predict', 'x.png', '--run', weights]
  }),
  'an image to explain': alone('.png', (file) => ['explain', file, '--run', 'run']),
  'an exported file': alone('.onnx', (file) => ['export', 'run', '--out', file]),
  'weights to export': alone('.pth', (file) => ['export', '--model', 'b0', '--weights', file, '--profile', 'timm']),
  'an experiment’s file': alone('.yaml', (file) => ['experiment', 'run', file]),
  'experiment.json': inExperiment('experiment.json', (copy) => ['experiment', 'report', copy]),
  'results.jsonl': inExperiment('results.jsonl', (copy) => ['experiment', 'report', copy]),
  'timings.jsonl': inExperiment('timings.jsonl', (copy) => ['experiment', 'report', copy]),
  'a job’s record': inExperiment('jobs/base-s0.json', (copy) => ['experiment', 'status', copy]),
  'a job’s metrics': inExperiment('jobs/base-s0/metrics.jsonl', (copy) => ['experiment', 'status', copy]),
  'the folder of a report': inExperiment('report', (copy) => ['experiment', 'report', copy]),
  'the folder of jobs': inExperiment('jobs', (copy) => ['experiment', 'report', copy]),
}

for (const [place, make] of Object.entries(PLACES)) {
  if (only.length > 0 && !only.includes(place)) continue
  const obstacles = { ...OBSTACLES, ...(MORE_IN.includes(place) ? MORE_OBSTACLES : {}) }
  for (const [obstacle, lay] of Object.entries(obstacles)) {
    const { file, words } = make()
    fs.rmSync(file, { recursive: true, force: true })
    await lay(file)
    tell({ begins: `${obstacle} in place of ${place}` })
    const found = await run(words).catch((error) => ({ status: `thrown: ${error.stack}`, text: '' }))
    tell({ name: `${obstacle} in place of ${place}`, place, obstacle, ...found })
  }
}
process.exit()
