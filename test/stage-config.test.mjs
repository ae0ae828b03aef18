/* Stage tables of one's own in a training configuration: what they build, what mistakes name, the command that writes them. */
import { spawnSync } from 'node:child_process'
import path from 'node:path'
import { models, parseConfig, parseConfigFile, train } from 'mbconv'
import t from 'tap'
import { complaints, yaml } from './helpers/config.mjs'
import { internal } from './helpers/internals.mjs'

const { archFor, modelOf } = internal('sessionModel')

const mbconv = (...words) =>
  spawnSync(process.execPath, [path.resolve('dist/cli/main.js'), ...words], {
    encoding: 'utf8',
    env: { ...process.env, NO_COLOR: '1', LANG: 'C.UTF-8' },
  })

const OWN = `model:
  name: efficientnet_b0
  stem: 16
  stages: [ds_r1_k3_s1_e1_c8, mb_r2_k5_s2_e4_c16_se0.25, fmb_r1_k3_s2_e2_c24_arelu]
  head: 64
epochs: 3
`

t.test('a table of one’s own is the network of its stages, and scales', async (t) => {
  const { config } = parseConfigFile(yaml(t, OWN))
  const arch = archFor(config)
  t.match(arch, { name: 'efficientnet_b0_custom', stem: 16, head: 64, resolution: 224 })
  t.same(arch.stages.map(models.formatStage), config.model.stages)
  const network = modelOf(config, { numClasses: 10, inChannels: 3, device: 'cpu', init: 'none' })
  const numbers = network.parameters().reduce((sum, { numel }) => sum + numel, 0)
  t.equal(numbers, models.count(arch, { numClasses: 10 }).params)
  network.dispose()
  const twice = archFor(parseConfigFile(yaml(t, OWN), ['--model.width=2', '--model.depth=2']).config)
  t.same(
    twice.stages.map(({ channels, layers }) => [channels, layers]),
    [
      [16, 2],
      [32, 4],
      [48, 2],
    ],
  )
  t.match(twice, { stem: 32, head: 128 })
  t.same(models.profileNamed('torchvision', arch.name), models.profileNamed('torchvision', 'efficientnet_b0'))
})

t.test('without the keys the table is the published one', async (t) => {
  const config = parseConfig({ model: { name: 'efficientnet_b1' }, epochs: 1 })
  t.same(archFor(config), models.arch('efficientnet_b1'))
  // As a checkpoint has it that was written before there were such keys.
  const { stages, stem, head, ...model } = config.model
  t.same([stages, stem, head], [null, null, null])
  t.same(archFor({ ...config, model }), models.arch('efficientnet_b1'))
})

t.test('mistakes are placed at the stage', async (t) => {
  const lines = (stages, overrides) =>
    complaints(t, `epochs: 1\nmodel:\n  name: efficientnet_b0\n  stages:\n${stages}`, overrides).lines
  t.same(lines('    - mb_r1_k3_s1_e1_c16\n    - mb_r2_k3_s2_e6\n    - xx_r1\n'), [
    'run.yaml:6:7 model.stages.1: "mb_r2_k3_s2_e6", character 15: c (channels) is missing (A stage looks like mb_r2_k3_s2_e6_c24_se0.25.)',
    'run.yaml:7:7 model.stages.2: "xx_r1", character 1: "xx" is no kind of block; there are mb, fmb, er, ds, rb, rbn',
  ])
  t.same(lines('    - mb_r1_k3_s1_e1_c17\n    - mb_r1_k4_s2_e6_c24\n    - mb_r1_k3_s1_e1.1_c24\n'), [
    'run.yaml:6:7 model.stages.1: kernel must be odd',
    'run.yaml:7:7 model.stages.2: expand 1.1 times 24 input channels is not a whole number',
  ])
  t.same(lines('    - rb_r1_k3_s1_e1_c17_se0.25\n'), [
    'run.yaml:5:7 model.stages.0: a basic block has no squeeze-excitation',
  ])
  t.same(lines('    - mb_r1_k3_s1_e1.5_c16\n', ['--model.stem=3']), [
    'run.yaml:5:7 model.stages.0: expand 1.5 times 3 input channels is not a whole number',
  ])
  t.same(lines('    - 7\n'), ['run.yaml:5:7 model.stages.0: must be text, not 7'])
  t.same(lines('    - mb_r1_k3_s1_e1_c16\n', ['--model.stages=[]', '--model.stem=0', '--model.head=-1']), [
    "--model.stem: must be at least 1, not 0 (channels behind the stem; null: the architecture's)",
    "--model.stages: must be a list of at least 1, not a list (stages in place of the architecture's, as `mbconv models NAME --config` writes them)",
    "--model.head: must be at least 0, not -1 (channels of the head, 0: none; null: the architecture's)",
  ])
  t.same(lines('    - mb_r1_k3_s1_e1_c16\n', ['--model.stages=[mb]']), [
    '--model.stages model.stages.0: "mb", character 3: r (layers) is missing',
  ])
  t.throws(
    () => parseConfig({ model: { name: 'efficientnet_b0', stages: ['mb_r1_k3_s1_e1_c16', 'mb\u0007'] }, epochs: 1 }),
    { code: 'ERR_CONFIG', message: /^model\.stages\.1: "mb\\u0007", character 1: "mb\\u0007" is no kind/ },
  )
})

t.test('what models --config writes is the same table', async (t) => {
  for (const words of [['b0'], ['mobilenet_v3_small'], ['efficientnet_lite1'], ['resnet50'], ['tf_efficientnet_b1']]) {
    const { status, stdout, stderr } = mbconv('models', ...words, '--config')
    t.equal(status, 0, stderr)
    const { config } = parseConfigFile(yaml(t, stdout), ['epochs=1'])
    const wanted = models.arch(words[0] === 'b0' ? 'efficientnet_b0' : words[0])
    t.same({ ...archFor(config), name: '' }, { ...wanted, name: '', width: 1, depth: 1 }, words[0])
    t.equal(config.model.dropout, wanted.dropout)
  }
  const scaled = ['b0', '--width', '.25', '--depth=2', '--resolution', '32']
  const { config } = parseConfigFile(yaml(t, mbconv('models', ...scaled, '--config').stdout), ['epochs=1'])
  const { arch } = JSON.parse(mbconv('models', ...scaled, '--json').stdout)
  t.same({ ...archFor(config), name: '' }, { ...arch, name: '', width: 1, depth: 1 })
  t.same(config.model.stages, JSON.parse(mbconv('models', ...scaled, '--json', '--config').stdout).stages)
  t.match(mbconv('models', '--config'), { status: 2, stderr: /--config is of one model/ })
})

t.test('a network of one’s own stages trains', async (t) => {
  const { result } = train({
    model: {
      ...{ name: 'efficientnet_b0', resolution: 16, divisor: 1, stem: 4, head: 0 },
      stages: ['ds_r1_k3_s1_e1_c4', 'mb_r1_k3_s2_e2_c6_se0.5'],
    },
    ...{ epochs: 1, maxSteps: 2, device: 'cpu', run: { dir: t.testdir({}), name: 'own' } },
  })
  t.equal((await result).steps, 2)
})
