/* The command without training: help, usage and configuration errors, models, doctor, streams. */
import { spawn, spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { internalPath } from './helpers/internals.mjs'

const MAIN = path.resolve('dist/cli/main.js')
const CONFIG = 'model: {name: efficientnet_b0}\nepochs: 3\n'

/** Runs the command to its end. */
function mbconv(words, { cwd, env = {} } = {}) {
  const clean = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(NO_COLOR|FORCE_COLOR|MBCONV_.*)$/.test(name)),
  )
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...words], {
    cwd,
    encoding: 'utf8',
    env: { ...clean, LANG: 'C.UTF-8', ...env },
  })
  return { status, stdout, stderr }
}

t.test('help, of everything and of each command', async (t) => {
  const { status, stdout, stderr } = mbconv(['--help'])
  t.equal(status, 0)
  t.equal(stderr, '')
  for (const command of ['train', 'eval', 'predict', 'explain', 'models', 'scale', 'doctor', 'setup'])
    t.match(stdout, new RegExp(`^  ${command}`, 'm'))
  t.match(stdout, /Exit status: 0 done/)
  for (const command of ['train', 'eval', 'predict', 'explain', 'models', 'scale', 'doctor']) {
    const help = mbconv([command, '--help'])
    t.equal(help.status, 0, command)
    t.match(help.stdout, /Examples?:\n {2}mbconv/)
    t.match(help.stdout, /--json/)
    t.match(help.stdout, /--quiet/)
  }
  const { version } = JSON.parse(fs.readFileSync('package.json', 'utf8'))
  t.same(mbconv(['--version']), { status: 0, stdout: `${version}\n`, stderr: '' })
})

t.test('help and wrong usage load neither the native part, nor the schema, nor what commands do', async (t) => {
  const script = `const main = require(${JSON.stringify(MAIN)}).main
    main(JSON.parse(process.argv[1])).then(() => {
      const loaded = Object.keys(require.cache).map((file) => file.replaceAll('\\\\', '/'))
      const slow = /zod|yaml|\\.node$|dist\\/(native|tensor|nn|optim|train|inference|config|data\\/(?!images)|io|files\\/atomic|cli\\/input)/
      process.stderr.write('loaded' + JSON.stringify(loaded.filter((file) => slow.test(file))))
    })`
  for (const words of [['--help'], ['trian'], ['predict', '--help'], ['predict', '--topk', 'x']])
    t.match(
      spawnSync(process.execPath, ['-e', script, JSON.stringify(words)], { encoding: 'utf8' }).stderr,
      /loaded\[\]$/,
    )
})

t.test('configurations are checked without the native part', async (t) => {
  // The classes of optimisers are loaded with their descriptions; the addon itself, which is not there, is not.
  const files = ['trainImages', 'trainLabels', 'testImages', 'testLabels'].map((key) => `${key}: x`).join(', ')
  const datasets = ['data: {dataset: digits}', 'data: {dataset: scenes}', `data: {dataset: idx, ${files}}`]
  const optimizers = ['rmsprop', 'sgd', 'adamw', 'lion'].map((name) => `optimizer: {name: ${name}, lr: 0.1}`)
  const schedules = ['staircase', 'cosine', 'constant'].map((name) => `schedule: {name: ${name}}`)
  const texts = [...datasets, ...optimizers, ...schedules].map((line) => `${CONFIG}${line}\n`)
  const cwd = t.testdir(Object.fromEntries(texts.map((text, i) => [`${i}.yaml`, text])))
  const script = `const { parseConfigFile } = require(${JSON.stringify(internalPath('configFile'))})
    for (let i = 0; i < ${texts.length}; i++) parseConfigFile(i + '.yaml')
    process.stdout.write(JSON.stringify(Object.keys(require.cache).filter((file) => /\\.node$/.test(file))))`
  const env = { ...process.env, MBCONV_ADDON: path.join(cwd, 'nowhere.node') }
  const { stdout, stderr } = spawnSync(process.execPath, ['-e', script], { cwd, env, encoding: 'utf8' })
  t.equal(stdout, '[]', stderr)
})

t.test('wrong usage ends with 2 and says what was meant', async (t) => {
  const TRAIN = 'for example: mbconv train digits, or mbconv train ./photos for a folder of images'
  for (const [words, message, hint] of [
    [['trian'], "unknown command 'trian'", 'did you mean train?'],
    [['eval', '--jsno'], "unknown option '--jsno'", 'did you mean --json?'],
    [
      ['models', '--phi', 'x'],
      "option '--phi <number>' argument 'x' is invalid. It must be a number.",
      'mbconv --help shows what there is',
    ],
    [['predict'], 'no image given', 'for example: mbconv predict three.png --topk 3'],
    [['predict', '-', '--files-from', '-'], 'stdin can be read only once', undefined],
    [['models', 'efficientnet_b11'], 'no model is called efficientnet_b11', 'did you mean efficientnet_b1?'],
    [['models', 'b0', '--width=-1'], 'scale: width must be greater than 0, got -1', undefined],
    [
      ['predict', 'a.png', '--topk=9007199254740991'],
      "option '--topk <n>' argument '9007199254740991' is invalid. It must be at most 1000000.",
      'mbconv --help shows what there is',
    ],
    [
      ['experiment', 'run', 'a.yaml', '--jobs=1025'],
      "option '--jobs <n>' argument '1025' is invalid. It must be at most 1024.",
      'mbconv --help shows what there is',
    ],
    [
      ['models', '--phi', '1'],
      '--width, --depth and --phi scale one model',
      'name it: mbconv models efficientnet_b0 --phi 1',
    ],
    [['train'], 'no configuration given', TRAIN],
    [['train', 'a.yaml', 'b.yaml'], 'one configuration at a time, not 2', TRAIN],
    [['train', 'a.yaml', '--jsn'], 'unknown option --jsn', 'did you mean --json?'],
    [
      ['train', 'a.yaml', '--seed', '3'],
      'unknown option --seed',
      'a configuration key takes its value behind "=": --seed=3',
    ],
    [['train', '--resume', 'no/such/run'], '--resume: there is no folder no/such/run', undefined],
  ]) {
    const { status, stdout, stderr } = mbconv(words)
    t.equal(status, 2, words.join(' '))
    t.equal(stdout, '')
    t.equal(stderr, `mbconv: ${message}\n${hint ? `  hint: ${hint}\n` : ''}  code: ERR_USAGE\n`)
  }
  const bare = mbconv([])
  t.equal(bare.status, 2)
  t.equal(bare.stdout, '')
  t.match(bare.stderr, /^Usage: mbconv/)
})

t.test('mistakes in a configuration end with 2 and their place', async (t) => {
  const cwd = t.testdir({ 'run.yaml': `${CONFIG}optimizer:\n  name: sgd\n  lr: 1\n  momentun: 0.8\n` })
  t.same(mbconv(['train', 'run.yaml'], { cwd }), {
    status: 2,
    stdout: '',
    stderr:
      'mbconv: run.yaml:6:3 optimizer.momentun: unknown key\n  hint: did you mean optimizer.momentum?\n  code: ERR_CONFIG\n',
  })
  const several = mbconv(['train', 'run.yaml', '--epochs=-1'], { cwd })
  t.equal(several.status, 2)
  t.match(several.stderr, 'mbconv: run.yaml:6:3 optimizer.momentun: unknown key (did you mean optimizer.momentum?)\n')
  t.match(several.stderr, '        --epochs: must be at least 1, not -1')
  const missing = mbconv(['train', 'none.yaml'], { cwd })
  t.equal(missing.status, 2)
  t.match(missing.stderr, 'mbconv: none.yaml: there is no such file\n')
  t.same(fs.readdirSync(cwd), ['run.yaml'], 'nothing was written')
})

t.test('--json: the error is one object on stdout', async (t) => {
  const cwd = t.testdir({ 'run.yaml': 'epochs: 1\nmodle: {}\n' })
  const { status, stdout, stderr } = mbconv(['train', 'run.yaml', '--json'], { cwd })
  t.equal(status, 2)
  t.equal(stderr, '')
  t.same(JSON.parse(stdout), {
    error: { code: 'ERR_CONFIG', message: 'run.yaml:2:1 modle: unknown key', op: null, hint: 'did you mean model?' },
  })
  const usage = mbconv(['--json', 'trian'])
  t.equal(usage.status, 2)
  t.equal(JSON.parse(usage.stdout).error.code, 'ERR_USAGE')
})

t.test('MBCONV_DEBUG=1 shows the stack, nothing else does', async (t) => {
  t.notMatch(mbconv(['train', 'none.yaml']).stderr, /^ +at /m)
  t.match(
    mbconv(['train', 'none.yaml'], { env: { MBCONV_DEBUG: '1' } }).stderr,
    /^ +at [\s\S]*caused by: Error: ENOENT/m,
  )
})

t.test('models: the list', async (t) => {
  const { status, stdout, stderr } = mbconv(['models'])
  t.equal(status, 0)
  t.equal(stderr, '')
  t.match(stdout, /^efficientnet_b0 +1\.0 +1\.0 +224 +0\.2 +5,288,548 +385,814,752$/m)
  t.match(stdout, /^Counted: multiply-adds of convolutions/m)
  const listed = JSON.parse(mbconv(['models', '--json']).stdout)
  t.match(
    listed.find(({ name }) => name === 'efficientnet_b7'),
    {
      width: 2,
      depth: 3.1,
      resolution: 600,
      params: 66347960,
      macs: 37745884192,
    },
  )
  t.equal(JSON.parse(mbconv(['--json', 'models', '--resolution', '32']).stdout)[0].resolution, 32)
  t.same(JSON.parse(mbconv(['--json', 'models', '--resolution', '96x384']).stdout)[0].resolution, [96, 384])
  t.match(mbconv(['models', 'b0', '--resolution', '96x384x2']), { status: 2, stderr: /height and width: 96x384/ })
  t.match(mbconv(['models', 'b0', '--resolution', '96x384', '--phi', '1']), { status: 2, stderr: /square input/ })
  t.match(mbconv(['models', 'b0', '--resolution', '96x384', '--config']).stdout, /^ {2}resolution: \[96,384\]$/m)
})

t.test('models: one, by stages', async (t) => {
  const { status, stdout } = mbconv([
    'models',
    'b0',
    '--width',
    '0.25',
    '--depth=0.5',
    '--resolution',
    '32',
    '--classes',
    '10',
  ])
  t.equal(status, 0)
  t.match(stdout, /^5 +MBConv6 5x5 +2 +1 +32x2x2 +2 +35,374 +119,808$/m)
  t.match(stdout, /^total +13 +202,032 +648,096$/m)
  const { arch, counts, stages } = JSON.parse(mbconv(['models', 'efficientnet_b0', '--phi', '1', '--json']).stdout)
  t.match(arch, { width: 1.1, depth: 1.2, resolution: 258 })
  t.equal(
    counts.params,
    stages.reduce((sum, { params }) => sum + params, 0),
  )
  t.equal(
    counts.macs,
    stages.reduce((sum, { macs }) => sum + macs, 0),
  )
})

t.test('colour only where it is wanted', async (t) => {
  t.notMatch(mbconv(['models']).stdout, '\u001b')
  t.match(mbconv(['models'], { env: { FORCE_COLOR: '1' } }).stdout, '\u001b[1mmodel')
  t.notMatch(mbconv(['models'], { env: { NO_COLOR: '1' } }).stdout, '\u001b')
  t.match(mbconv(['trian'], { env: { FORCE_COLOR: '1' } }).stderr, '\u001b[31mmbconv:\u001b[0m')
})

t.test('a reader that stops reading is no error', async (t) => {
  for (const words of [['models'], ['models', '--json'], ['--help']]) {
    const child = spawn(process.execPath, [MAIN, ...words], { stdio: ['ignore', 'pipe', 'pipe'] })
    child.stdout.destroy()
    let stderr = ''
    child.stderr.on('data', (text) => {
      stderr += text
    })
    const status = await new Promise((resolve) => child.on('close', resolve))
    t.equal(status, 0, words.join(' '))
    t.equal(stderr, '')
  }
})

t.test('doctor: what is there, what is not, and 3 where something needed is missing', async (t) => {
  const nothing = { MBCONV_ADDON: path.join(t.testdir({}), 'none.node') }
  const broken = mbconv(['doctor'], { env: nothing })
  t.equal(broken.status, 3)
  t.match(broken.stdout, /^✓ Node +20|^✓ Node +2\d/m)
  t.match(broken.stdout, /^✗ native addon +does not load, needs one that loads: prebuilt or compiled here$/m)
  t.match(broken.stdout, /remedy: .*setup/)
  t.match(broken.stdout, /cannot compute on this machine: .*native addon/)
  const told = mbconv(['doctor', '--json'], { env: nothing })
  t.equal(told.status, 3)
  t.match(JSON.parse(told.stdout), { ok: false, findings: [{ name: 'Node', ok: true }] })
})

t.test('doctor: which decoder of JPEG there is, and why not', async (t) => {
  const decoderOf = (env) => {
    const { findings } = JSON.parse(mbconv(['doctor', '--json'], { env }).stdout)
    return findings.find(({ name }) => name === 'JPEG decoder')
  }
  t.match(decoderOf({}), { ok: true, found: /^libjpeg-turbo 3/, detail: /turbojpeg/ })
  const missing = decoderOf({ MBCONV_TURBOJPEG: path.join(t.testdir({}), 'none.so') })
  t.match(missing, { ok: false, needed: false, found: /^sharp/, detail: /^libjpeg-turbo cannot be loaded: .*none\.so/ })
  t.match(missing.remedy, /npm install @julusian\/jpeg-turbo/)
})

t.test('commands that need a run say so', async (t) => {
  const cwd = t.testdir({ 'run.yaml': CONFIG, runs: { empty: {}, file: '' }, 'a.png': '' })
  for (const words of [['eval'], ['predict', 'a.png']]) {
    const { status, stderr } = mbconv(words, { cwd })
    t.equal(status, 2)
    t.match(stderr, `mbconv: there is no run in ${path.join(cwd, 'runs')}\n`)
  }
  const { status, stderr } = mbconv(['train', 'run.yaml', '--resume'], { cwd })
  t.equal(status, 2)
  t.match(stderr, 'there is no run of run in')
  fs.writeFileSync(path.join(cwd, 'settings'), CONFIG)
  t.match(
    mbconv(['train', '--resume', 'settings'], { cwd }).stderr,
    'there is no run of settings in',
    'a file of any name',
  )
})

t.test('setup hands its options on', async (t) => {
  const { status, stdout } = mbconv(['setup', '--help'])
  t.equal(status, 0)
  t.match(stdout, /--libtorch DIR/)
  t.equal(mbconv(['setup', '--no-such-option']).status, 2)
  const json = mbconv(['setup', '--help', '--json'])
  t.same(JSON.parse(json.stdout), { ok: true, exitCode: 0 })
})
