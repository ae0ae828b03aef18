/*
 * Whatever lies in the place of a file, opening it neither waits nor ends without a coded error; and everything in lib/
 * opens files through lib/io.
 */
import { execFileSync, spawn } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import * as mb from 'mbconv'
import t from 'tap'
import { makeFolder as makeFolderOfSetup } from '../scripts/setup/folders.mjs'
import { internal } from './helpers/internals.mjs'
import { FIVE, plan, writeExperiment } from './helpers/made-up-experiment.mjs'
import { tinyConfig } from './helpers/tiny.mjs'

const { makeFolder } = internal('folders')
const { readText } = internal('openFile')
const safetensorsFiles = internal('safetensors')

t.setTimeout(600_000)

const windows = process.platform === 'win32' && 'there are no pipes and devices among files'
/** Seconds without a word after which a process hangs, on however busy a machine. */
const SILENCE = 60

/** Lines of JSON that a process writes; it is killed when it is silent for too long, and `hangs` says so. */
function watch(args, options = {}) {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'], ...options })
  const lines = []
  let [rest, hangs] = ['', false]
  const give = () => {
    hangs = true
    child.kill('SIGKILL')
  }
  let timer = setTimeout(give, SILENCE * 1000)
  child.stdout.setEncoding('utf8').on('data', (text) => {
    clearTimeout(timer)
    timer = setTimeout(give, SILENCE * 1000)
    const whole = (rest + text).split('\n')
    rest = whole.pop()
    lines.push(...whole.map((line) => JSON.parse(line)))
  })
  return new Promise((resolve) =>
    child.on('close', (status) => {
      clearTimeout(timer)
      resolve({ lines, hangs, status })
    }),
  )
}

/** What goes well all the same: the file is made, is made anew, or is not needed. */
const GOES_WELL = new Set([
  // A warning: what was trained is in its checkpoint.
  ...['fifo', 'endless device', 'folder'].map((what) => `${what} in place of result.json of a run`),
  'dangling link in place of result.json of a run', // replaced by the file
  'dangling link in place of an exported file',
  'fifo in place of a list of images', // nobody writes to it: it is empty
  ...['runs', 'a report', 'jobs'].map((what) => `folder in place of the folder of ${what}`),
])
for (const file of ['results.jsonl', 'timings.jsonl', 'a job’s record', 'a job’s metrics'])
  GOES_WELL.add(`dangling link in place of ${file}`) // as if it were not there

t.test('pipes, devices, folders and links in place of every file', { skip: windows }, async (t) => {
  const dir = fs.realpathSync(t.testdir())
  const config = tinyConfig(dir, { top: { epochs: 1, maxSteps: 1 } })
  const { runDir } = await mb.train(config, { worker: false }).result
  fs.renameSync(runDir, path.join(dir, 'run'))
  fs.writeFileSync(path.join(dir, 'small.yaml'), JSON.stringify(config))
  const { safetensors } = mb.exportRun(path.join(dir, 'run'), { out: path.join(dir, 'm.onnx'), safetensors: true })
  const { tensors } = safetensorsFiles.read(safetensors)
  safetensorsFiles.write(path.join(dir, 'cardless.safetensors'), tensors)
  const made = plan(FIVE.slice(0, 1), { seeds: [0], comparisons: [], data: config.data })
  writeExperiment(path.join(dir, 'experiment'), made, [])
  fs.mkdirSync(path.join(dir, 'experiment/jobs/base-s0'), { recursive: true })

  const { lines, hangs } = await watch([path.resolve('test/helpers/obstacle-child.mjs'), dir])
  t.notOk(hangs, `hangs: ${lines.at(-1)?.begins}`)
  const cases = lines.filter(({ name }) => name !== undefined)
  t.ok(cases.length > 100, `${cases.length} cases`)
  for (const { name, status, text } of cases) {
    if (status === 0 && GOES_WELL.has(name)) continue
    const codes = [...text.matchAll(/"code":"(\w+)"/g)].map(([, code]) => code)
    const coded = codes.some((code) => /^ERR_(IO|DATA|CONFIG|CHECKPOINT|FORMAT|USAGE)$/.test(code))
    t.ok([1, 2, 4].includes(status) && coded, name, { status, text })
  }
})

t.test(
  'folders where the kernel takes none',
  { skip: process.platform !== 'linux' && 'there is no /proc' },
  async (t) => {
    const dir = t.testdir({ file: '' })
    fs.symlinkSync('/nowhere/at/all', path.join(dir, 'link'))
    for (const wrong of ['/proc/x', '/proc/x/y/z', '/dev/null/x', `${dir}/file/x`, `${dir}/link`, `${dir}/link/x`]) {
      t.throws(() => makeFolder(wrong), { code: 'ERR_IO', message: /^cannot create / }, wrong)
      t.throws(() => makeFolderOfSetup(wrong), { code: /^E[A-Z]+$/ }, wrong)
    }
    for (const make of [makeFolder, makeFolderOfSetup]) {
      const deep = path.join(dir, make === makeFolder ? 'a' : 'b', 'c', 'd')
      make(deep)
      make(deep)
      t.ok(fs.statSync(deep).isDirectory())
    }
    // The command as a user gives it: it used to run for ever and heed no signal.
    fs.writeFileSync(path.join(dir, 'a.yaml'), JSON.stringify(tinyConfig(dir, { run: { dir: '/proc/x', name: null } })))
    const main = path.resolve('dist/cli/main.js')
    const { lines, hangs, status } = await watch([main, 'train', 'a.yaml', '--json'], { cwd: dir })
    t.notOk(hangs)
    t.equal(status, 1)
    t.match(lines.at(-1), { error: { code: 'ERR_IO', message: /cannot create \/proc\/x/ } })
  },
)

t.test(
  'a configuration from a pipe: with a writer it is read, without one it is empty',
  { skip: windows },
  async (t) => {
    const pipe = path.join(t.testdir(), 'pipe')
    execFileSync('mkfifo', [pipe])
    t.equal(readText(pipe, { op: 'test', pipes: true }), '')
    const writer = spawn('sh', [
      '-c',
      `exec 3<>"$0"; printf 'epochs: ' >&3; sleep 0.2; printf 3 >&3; echo; sleep 9`,
      pipe,
    ])
    await new Promise((resolve) => writer.stdout.once('data', resolve))
    // A writer that keeps silent is given up after ten seconds; this one is killed before.
    spawn('sh', ['-c', `sleep 0.3; kill ${writer.pid}`])
    t.equal(readText(pipe, { op: 'test', pipes: true }), 'epochs: 3')
    t.throws(() => readText(pipe, { op: 'test' }), { code: 'ERR_IO', message: /not a regular file/ })
  },
)

t.test('what is written with a rename leaves devices and pipes alone', { skip: windows }, async (t) => {
  const dir = t.testdir()
  const { writeFileAtomic } = internal('atomic')
  const [pipe, link] = ['pipe', 'link'].map((name) => path.join(dir, name))
  execFileSync('mkfifo', [pipe])
  fs.symlinkSync('/dev/null', link)
  for (const wrong of [pipe, link, dir]) t.throws(() => writeFileAtomic(wrong, ''), { code: 'ERR_IO' }, wrong)
  t.ok(fs.statSync(pipe).isFIFO())
  t.ok(fs.lstatSync(link).isSymbolicLink())
  t.same(fs.readdirSync(dir).sort(), ['link', 'pipe'])
  t.throws(() => writeFileAtomic(path.join('/dev/null', 'x'), ''), { code: 'ERR_IO' })
})

/** What opens, makes, lists or removes. existsSync does none of these, waits for nothing and never throws. */
const OPENING =
  /\b(open|opendir|readFile|readdir|stat|lstat|statfs|writeFile|appendFile|mkdir|mkdtemp|rm|rmdir|rename|copyFile|cp|link|symlink|unlink|truncate|access|realpath|readlink|chmod|watch|watchFile)(Sync)?\b|\bcreate(Read|Write)Stream\b|\bpromises\b/

/** Files of lib/ outside lib/files that use such a call, and why they may. */
const EXCEPTIONS = {
  'models/weights/pull.ts': ['lstatSync', 'realpathSync'], // looks for links that lead out of the folder of weights
  'train/run/folder.ts': ['rmdirSync'], // takes an empty folder back, and only an empty one
}

t.test('files are opened, made and listed in lib/files, and nowhere else', async (t) => {
  for (const file of fs.readdirSync('lib', { recursive: true }).sort()) {
    if (!/\.m?ts$/.test(file) || file.startsWith(`files${path.sep}`)) continue
    const source = fs.readFileSync(path.join('lib', file), 'utf8')
    t.notMatch(
      source,
      /import (\* as )?\w+( = require|) from 'node:fs|require\('(node:)?fs|from 'fs/,
      `${file}: fs as a whole`,
    )
    const imported = [...source.matchAll(/import (?:type )?\{([^}]*)\} from 'node:fs(?:\/promises)?'/g)].flatMap(
      ([, names]) => names.split(',').map((name) => name.trim()),
    )
    const opening = imported.filter((name) => OPENING.test(name))
    t.same(opening, EXCEPTIONS[file] ?? [], file)
  }
})
