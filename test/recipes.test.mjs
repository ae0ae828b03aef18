/* Recipes: files of configs/recipes, below the keys of a configuration. */
import fs from 'node:fs'
import path from 'node:path'
import * as mb from 'mbconv'
import t from 'tap'
import { complaints, SMALLEST, yaml } from './helpers/config.mjs'
import { internal } from './helpers/internals.mjs'

const { parseConfigFile } = internal('configFile')
const { RECIPES, RECIPE_NAMES, withRecipe } = internal('recipes')

/** Needs nothing but the recipe for its epochs. */
const DATA = { dataset: 'folder', folder: { path: 'photos' } }
const base = { model: { name: 'efficientnet_b0' }, data: DATA }

t.test('each recipe is a file, and a whole configuration', async (t) => {
  const files = fs.readdirSync(path.join('configs', 'recipes')).map((name) => path.parse(name).name)
  t.strictSame(files.toSorted(), RECIPE_NAMES.toSorted())
  for (const recipe of RECIPE_NAMES) {
    const config = mb.parseConfig({ ...base, recipe })
    t.equal(config.recipe, recipe)
    t.strictSame(mb.parseConfig(config), config, 'a whole configuration is its own configuration')
    t.match(RECIPES[recipe], /\w/)
  }
})

t.test("the published recipes have their sources' values", async (t) => {
  // arXiv:1905.11946, section 5.2, and tensorflow/tpu's efficientnet/main.py
  t.match(mb.parseConfig({ ...base, recipe: 'paper' }), {
    ...{ epochs: 350, labelSmoothing: 0.1, ema: { decay: 0.9999 } },
    optimizer: { name: 'rmsprop', lr: 0.016, decay: 0.9, momentum: 0.9, eps: 0.001, weightDecay: 1e-5 },
    schedule: { name: 'staircase', warmupEpochs: 5, decayEpochs: 2.4, decayRate: 0.97 },
    data: { batchSize: 256, augment: { operations: [{ name: 'autoAugment', policy: 'v0' }] } },
  })
  // The command of timm's documentation for EfficientNet-B0
  t.match(mb.parseConfig({ ...base, recipe: 'timm-ra' }), {
    ...{ epochs: 450, precision: 'auto', model: { profile: 'timm', dropout: 0.2, dropPath: 0.2 } },
    optimizer: { name: 'rmsprop', lr: 0.048, eps: 0.001, weightDecay: 1e-5 },
    data: {
      batchSize: 768,
      augment: { operations: [{ name: 'randAugment' }, { name: 'randomErasing', mode: 'pixel' }] },
    },
  })
  // arXiv:2104.00298, sections 4.2 and 5.1 and table 6; google/automl, efficientnetv2/hparams.py
  t.match(mb.parseConfig({ ...base, recipe: 'efficientnetv2' }), {
    ...{ epochs: 350, labelSmoothing: 0.1, ema: { decay: 0.9999 } },
    model: { resolution: 300, dropout: 0.3, dropPath: 0.2 },
    optimizer: { name: 'rmsprop', lr: 0.256, decay: 0.9, momentum: 0.9, eps: 0.001, weightDecay: 1e-5 },
    schedule: { name: 'staircase', warmupEpochs: 5, decayEpochs: 2.4, decayRate: 0.97 },
    data: {
      batchSize: 4096,
      progressive: { from: 128, stages: 4, magnitude: 5, dropout: 0.1, mixup: null },
      augment: { operations: [{ name: 'randAugment', layers: 2, magnitude: 15 }] },
    },
  })
  // torchvision's references/classification/README.md
  t.match(mb.parseConfig({ ...base, recipe: 'torchvision-v2' }), {
    ...{ epochs: 600, labelSmoothing: 0.1, schedule: { name: 'cosine', warmupEpochs: 5 } },
    optimizer: { name: 'sgd', lr: 0.5, momentum: 0.9, nesterov: false, weightDecay: 2e-5 },
    data: { batchSize: 1024, repeats: 4, augment: { mix: { mixup: 0.2, cutmix: 1 } } },
  })
})

t.test('whole images are not cropped as a recipe says', async (t) => {
  for (const fit of ['pad', 'stretch']) {
    for (const recipe of RECIPE_NAMES) {
      const config = mb.parseConfig({ ...base, recipe, data: { ...DATA, fit } })
      t.match(config.data, { fit, cropShare: null, augment: { crop: null, flip: true } }, `${recipe}, ${fit}`)
      t.strictSame(mb.parseConfig(config), config)
    }
  }
  const crop = { scale: [0.5, 1] }
  const parts = mb.parseConfig({ ...base, epochs: 1, data: { ...DATA, fit: 'stretch', augment: { crop } } })
  t.match(parts.data, { fit: 'stretch', augment: { crop } }, 'random parts, if they are asked for')
})

t.test('an error names the recipe that sets the value', async (t) => {
  const digits = { ...base, recipe: 'timm-ra', data: { dataset: 'digits', augment: { rotate: 400 } } }
  const lines = t.throws(() => mb.parseConfig(digits), { code: 'ERR_CONFIG' }).message.split('\n')
  t.ok(
    lines.some((line) =>
      line.startsWith('data.augment.crop: has no effect with dataset: digits; recipe timm-ra sets it'),
    ),
  )
  t.notMatch(
    lines.find((line) => line.startsWith('data.augment.rotate')),
    /recipe/,
    'what the user wrote',
  )
})

t.test('each key of a recipe can be changed', async (t) => {
  const file = yaml(t, `${SMALLEST}recipe: torchvision-v2\ndata: {batchSize: 8, dataset: folder, folder: {path: p}}\n`)
  const parsed = (...overrides) => parseConfigFile(file, overrides).config
  t.match(parsed(), { epochs: 3, data: { batchSize: 8, augment: { flip: true } }, optimizer: { name: 'sgd', lr: 0.5 } })
  t.match(parsed('--optimizer.lr=1').optimizer, { name: 'sgd', lr: 1, nesterov: false }, 'one option of its optimiser')
  t.match(
    parsed('--optimizer.lr=1', '--recipe=paper').optimizer,
    { name: 'rmsprop', lr: 1, decay: 0.9 },
    'in any order',
  )
  t.match(
    parsed('--optimizer.name=adamw', '--optimizer.lr=1').optimizer,
    { name: 'adamw', weightDecay: 0.01 },
    "another optimiser's defaults",
  )
  t.notOk('nesterov' in parsed('--optimizer={name: adamw, lr: 1}').optimizer)
  t.strictSame(parsed('--data.augment.operations=[]').data.augment.operations, [], 'a list is replaced as a whole')
  t.equal(parsed('--data.augment.mix.mixup=0').data.augment.mix.cutmix, 1)
  t.equal(parsed('--ema=false').ema, false)
})

t.test('without a recipe nothing is added, and an unknown one is refused', async (t) => {
  const raw = { model: { name: 'efficientnet_b0' }, epochs: 1 }
  t.strictSame(withRecipe(raw), raw)
  t.strictSame(withRecipe([1]), [1])
  const { lines, hint } = complaints(t, `${SMALLEST}recipe: timm\n`)
  t.match(
    lines[0],
    /^run\.yaml:3:9 recipe: must be fine-tune, scratch, paper, timm-ra, torchvision-v2 or efficientnetv2, not "timm"/,
  )
  t.ok(hint === undefined || /timm-ra/.test(hint), hint)
  t.throws(() => mb.parseConfig({ ...raw, recipe: '__proto__' }), { code: 'ERR_CONFIG' })
  t.throws(() => mb.parseConfig({ ...raw, recipe: 3 }), { code: 'ERR_CONFIG' })
})
