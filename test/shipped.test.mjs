// The package's configurations and experiments, by name and from any folder.
import fs from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import * as mb from 'mbconv'
import t from 'tap'
import { internal } from './helpers/internals.mjs'

const { parseConfigFile } = internal('configFile')
const root = fileURLToPath(new URL('..', import.meta.url))

/** Runs `work` in an empty folder of its own. */
function elsewhere(t, work) {
  const before = process.cwd()
  process.chdir(t.testdir())
  try {
    return work()
  } finally {
    process.chdir(before)
  }
}

t.test('a configuration of the package is found by its name', async (t) => {
  const inPackage = path.join(root, 'configs', 'digits.yaml')
  for (const name of ['digits', 'digits.yaml']) {
    const { source, config } = elsewhere(t, () => parseConfigFile(name, ['--epochs=3']))
    t.match(source, { file: inPackage, stem: 'digits' }, name)
    t.equal(config.epochs, 3)
  }
})

t.test('a path that exists is taken, whatever its name', async (t) => {
  const { source } = elsewhere(t, () => {
    fs.copyFileSync(path.join(root, 'configs', 'digits.yaml'), 'digits')
    return parseConfigFile('digits')
  })
  t.not(source.file, path.join(root, 'configs', 'digits.yaml'))
})

t.test('another name is an error with the nearest one', async (t) => {
  elsewhere(t, () => {
    t.throws(() => parseConfigFile('digist'), {
      code: 'ERR_CONFIG',
      message: /digist: there is no such file/,
      hint: /did you mean digits\?/,
    })
    t.throws(() => parseConfigFile('../digits'), { code: 'ERR_CONFIG' }, 'a path is only a path')
    t.throws(() => mb.experiment.plan('tabel7'), { code: 'ERR_CONFIG', hint: /did you mean table7\?.*figure3/ })
  })
})

t.test('an experiment of the package is found by its name', async (t) => {
  const { name } = elsewhere(t, () => mb.experiment.plan('table7', { profile: 'smoke' }))
  t.equal(name, 'table7')
})
