// Every family: counted from its table alone to the digit, at its own scale and at others.
import { readFileSync } from 'node:fs'
import { models } from 'mbconv'
import t from 'tap'

const golden = JSON.parse(readFileSync(new URL('./golden/families.json', import.meta.url), 'utf8'))

t.test('parameters, multiply-adds and state dict of every model', async (t) => {
  for (const [name, expected] of Object.entries(golden.models)) {
    const counted = models.count(models.arch(name), { resolution: expected.resolution })
    // The state dict's length is not known of all.
    t.match(counted, expected, name)
  }
  const known = new Set(models.list())
  t.ok(
    Object.keys(golden.models).every((name) => known.has(name)),
    'all of them are listed',
  )
})

t.test('scaled as the paper scales other families', async (t) => {
  for (const { base, width = 1, depth = 1, resolution, head, stem, params, macs } of golden.scaled) {
    const scaled = models.scale(models.arch(base), { width, depth, resolution })
    const table = { ...scaled, head: head ?? scaled.head, stem: stem ?? scaled.stem }
    const counted = models.count(table)
    t.same(
      { params: counted.params, macs: counted.macs },
      { params, macs },
      `${base} w ${width} d ${depth} at ${resolution}`,
    )
  }
})
