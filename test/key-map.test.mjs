// The keys of other libraries, against digests of the keys that they have.
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { models } from 'mbconv'
import t from 'tap'
import { internal } from './helpers/internals.mjs'

const { layerNames, schemesOf, splitKey } = internal('keyMap')

const golden = JSON.parse(readFileSync(new URL('./golden/keys.json', import.meta.url), 'utf8'))

/** Our keys, and the keys that a scheme has for them. */
function keysOf(name, scheme) {
  const arch = models.arch(name)
  const model = models.create(arch, { init: 'none' })
  const own = Object.keys(model.stateDict())
  model.dispose()
  const renamed = new Map(layerNames(arch, 'mbconv').map((layer, i) => [layer, layerNames(arch, scheme)[i]]))
  return { own, theirs: own.map((key) => [renamed.get(splitKey(key)[0]), splitKey(key)[1]].join('.')) }
}

for (const library of ['timm', 'torchvision']) {
  t.test(`keys of ${library}, in their order`, async (t) => {
    for (const [name, { entries, sha256 }] of Object.entries(golden[library])) {
      const schemes = schemesOf(models.arch(name))
      const scheme = schemes.includes(library) ? library : 'mbconv'
      const { theirs } = keysOf(name, scheme)
      t.equal(theirs.length, entries, name)
      t.equal(createHash('sha256').update(theirs.join('\n')).digest('hex'), sha256, `${name} as ${scheme}`)
    }
  })
}

t.test('every layer of every model has a name of its own in every scheme', async (t) => {
  for (const name of models.list().filter((each) => !/l2|152|101|xl|_l$|b[678]/.test(each))) {
    const arch = models.arch(name)
    const { own } = keysOf(name, 'mbconv')
    const layers = [...new Set(own.map((key) => splitKey(key)[0]))]
    t.same(layerNames(arch, 'mbconv'), layers, name)
    for (const scheme of schemesOf(arch)) {
      const names = layerNames(arch, scheme)
      t.equal(new Set(names).size, layers.length, `${name} as ${scheme}`)
    }
  }
})
