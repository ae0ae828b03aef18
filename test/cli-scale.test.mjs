/* mbconv scale: fragments that are configurations, tables, amounts, refusals. */
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { models, parseConfigFile } from 'mbconv'
import t from 'tap'
import { internal } from './helpers/internals.mjs'

const { archFor, modelOf } = internal('sessionModel')
const MAIN = path.resolve('dist/cli/main.js')

function mbconv(...words) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, 'scale', ...words], {
    encoding: 'utf8',
    env: { ...process.env, NO_COLOR: '1', LANG: 'C.UTF-8' },
  })
  return { status, stdout, stderr }
}

t.test('what it writes is a configuration of the network it found', async (t) => {
  for (const [words, options] of [
    [['b0', '--macs', '4x'], {}],
    [['b0', '--params', '20M', '--dimension', 'width'], {}],
    [['efficientnet_b2', '--macs', '1.5G', '--divisor', '4'], {}],
    [
      [
        'b0',
        '--width',
        '.25',
        '--resolution=32',
        '--divisor',
        '4',
        '--macs',
        '8x',
        '--classes',
        '10',
        '--channels',
        '1',
      ],
      { numClasses: 10, inChannels: 1 },
    ],
    [['b0', '--macs', '4x', '--alpha', '1.4', '--beta', '1', '--gamma', '1.1', '--step', '16'], {}],
  ]) {
    const { status, stdout, stderr } = mbconv(...words)
    t.equal(status, 0, stderr)
    t.match(stderr, /^scaled by +depth +width +px +parameters +multiply-adds +off by\n/)
    const file = path.join(t.testdir({ 'model.yaml': stdout }), 'model.yaml')
    const { config } = parseConfigFile(file, ['epochs=1'])
    const result = JSON.parse(mbconv(...words, '--json').stdout)
    t.equal(result.reached, true)
    t.same(archFor(config), result.arch, 'the table')
    t.same(models.count(archFor(config), options), result.counts, 'the counts')
    t.match(config.model, result.config)
    t.ok(Math.abs(result.error) <= 0.03)
    if (config.model.resolution > 64) continue
    const network = modelOf(config, { ...options, device: 'cpu', init: 'none' })
    const numbers = network.parameters().map(({ shape }) => shape.reduce((a, b) => a * b, 1))
    t.equal(
      numbers.reduce((a, b) => a + b, 0),
      result.counts.params,
      'the parameters of the network that is built',
    )
    network.dispose()
  }
})

t.test('amounts have units', async (t) => {
  const targetOf = (...words) => JSON.parse(mbconv('b0', '--json', '--tolerance', '99%', ...words).stdout).target
  t.equal(targetOf('--macs', '1.5G'), 1.5e9)
  t.equal(targetOf('--macs', '1.5e9'), 1.5e9)
  t.equal(targetOf('--macs', '.5x'), models.count(models.arch('efficientnet_b0')).macs / 2)
  t.equal(targetOf('--params', '8000k'), 8e6)
  t.equal(targetOf('--memory', '1GiB'), 2 ** 30)
  t.equal(targetOf('--memory', '500MB'), 5e8)
  for (const [words, message] of [
    [['--macs', '4y'], '--macs cannot be 4y'],
    [['--macs', '-4'], '--macs cannot be -4'],
    [['--params', '8MiB'], '--params cannot be 8MiB'],
    [['--memory', '8Gib'], '--memory cannot be 8Gib'],
    [['--latency', '10'], '--latency cannot be 10'],
    [['--macs', '2x', '--tolerance', '3'], '--tolerance cannot be 3'],
    [['--macs', '2x', '--params', '2x'], 'one budget at a time'],
    [[], 'no budget given'],
    [['--macs', '2x', '--dimension', 'height'], 'no dimension is called height'],
    [['--macs', '2x', '--batch', '8'], '--batch has no effect with --macs'],
    [['--macs', '2x', '--no-ema'], '--no-ema has no effect with --macs'],
    [['--latency', '2x', '--optimizer', 'sgd'], '--optimizer has no effect with --latency'],
    [['--memory', '2x', '--dtype', 'int8'], 'estimateMemory: dtype must be one of'],
    [['--macs', '2x', '--alpha', '0.5'], 'fit: alpha must be from 1 to 100, got 0.5'],
    [['--macs', '2x', '--compare', '--dimension', 'width'], '--compare shows every dimension'],
  ]) {
    const { status, stdout, stderr } = mbconv('b0', ...words)
    t.equal(status, 2, words.join(' '))
    t.equal(stdout, '')
    t.match(stderr, `mbconv: ${message}`)
  }
  t.match(mbconv('b00', '--macs', '2x').stderr, 'hint: did you mean b0?')
})

t.test('the four ways beside each other', async (t) => {
  const words = ['b0', '--macs', '4x', '--compare']
  const { status, stdout } = mbconv(...words)
  t.equal(status, 0)
  for (const dimension of ['depth', 'width', 'resolution', 'compound']) {
    t.match(stdout, new RegExp(`^${dimension} .* [+-]\\d\\.\\d\\d %$`, 'm'))
  }
  t.match(stdout, /^resolution +1 +1 +448 +5,288,548 +[\d,]+ +-0\.\d\d %$/m)
  const results = JSON.parse(mbconv(...words, '--json').stdout)
  t.same(
    results.map(({ dimension }) => dimension),
    ['depth', 'width', 'resolution', 'compound'],
  )
  t.notMatch(mbconv('b0', '--params', '4x', '--compare').stdout, /^resolution/m)
})

t.test('memory of a training step', async (t) => {
  const words = [
    'b0',
    '--memory',
    '2GiB',
    '--train',
    '--batch',
    '8',
    '--optimizer',
    'sgd',
    '--no-ema',
    '--classes',
    '10',
  ]
  const result = JSON.parse(mbconv(...words, '--json').stdout)
  const step = { training: true, batch: 8, optimizer: 'sgd', ema: false, numClasses: 10 }
  t.equal(result.cost, models.estimateMemory(result.arch, step).peak)
  t.ok(result.cost <= 2 ** 31)
})

t.test('a budget that is not reached is a failure that names the nearest', async (t) => {
  const words = [
    'b0',
    '--width=.25',
    '--resolution=32',
    '--divisor=4',
    '--classes=10',
    '--macs=2x',
    '--dimension=resolution',
  ]
  const { status, stdout, stderr } = mbconv(...words)
  t.equal(status, 1)
  t.equal(stdout, '')
  t.match(stderr, /^resolution +1 +1 +33 .*\(nearest\)$/m)
  t.match(
    stderr,
    /mbconv: no network within 3\.00 % of 1,550,960 multiply-adds by resolution: the nearest is off by \+9\.40 %/,
  )
  t.match(stderr, /hint: --dimension compound, or --tolerance 9\.\d%\n {2}code: ERR_UNREACHED/)
  const json = mbconv(...words, '--json')
  t.equal(json.status, 1)
  t.match(JSON.parse(json.stdout), { reached: false, nearest: { coefficients: { resolution: 33 } } })
  const hint = /--tolerance (\S+)/.exec(stderr)[1]
  t.equal(mbconv(...words, '--tolerance', hint).status, 0, 'and the hint is true')
})

t.test('absurd budgets: no absurd figures, and every hint is true', async (t) => {
  for (const words of [
    ['--macs=1'],
    ['--macs=1e300'],
    ['--macs=1e15', '--dimension=depth'],
    ['--params=1', '--dimension=width'],
    ['--params=1e300x'],
    ['--memory=1B'],
    ['--memory=1e-3x', '--dimension=depth'],
    ['--memory=1e280TiB', '--dimension=resolution'],
    ['--macs=4x', '--tolerance=0.0000001%'],
  ]) {
    const name = words.join(' ')
    const { status, stderr } = mbconv('b0', ...words)
    t.equal(status, 1, `${name}: ${stderr}`)
    t.notMatch(stderr, /\d{4,}\.\d|e\+?\d+ ?%|\d{16}|Infinity|NaN/, `${name}: no figure that nobody reads`)
    const hint = /hint: (.*)/.exec(stderr)[1]
    for (const [, option] of hint.matchAll(/(--[\w]+ [\w.%]+)/g)) {
      const [key, value] = option.split(' ')
      const rest = words.filter((word) => !word.startsWith(`${key}=`))
      t.equal(mbconv('b0', ...rest, `${key}=${value}`).status, 0, `${name}: ${option}`)
    }
  }
  for (const budget of ['macs=1e-300', 'macs=1e305x', 'params=1e-320', 'latency=1e300s', 'latency=1e-300s']) {
    const { status, stderr } = mbconv('b0', `--${budget}`)
    t.equal(status, 2, budget)
    t.match(stderr, budget.split('=')[0])
  }
})

t.test('latency is measured, and every measurement told', async (t) => {
  const words = ['b0', '--width=.25', '--resolution=32', '--divisor=4', '--classes=10', '--latency=3x', '--runs=3']
  const { status, stdout, stderr } = mbconv(...words, '--tolerance=90%')
  t.equal(status, 0, stderr)
  t.match(stderr, /^measured efficientnet_b0_w0\.25_d1_r32_div4, \S+ [kM]: \S+ ms, spread \d/m)
  t.match(stdout, /ms, spread \d+\.\d\d %\n/)
})

t.test('counting needs no native code', async (t) => {
  const missing = path.join(t.testdir({}), 'none.node')
  const run = spawnSync(process.execPath, [MAIN, 'scale', 'b0', '--macs', '2x', '--quiet'], {
    encoding: 'utf8',
    env: { ...process.env, MBCONV_ADDON: missing },
  })
  t.equal(run.status, 0, run.stderr)
  t.equal(run.stderr, '')
  t.ok(!fs.existsSync(missing))
})
