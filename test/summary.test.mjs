// The table of a network: shapes that the network really has, figures that were counted, text that is aligned.
import * as mb from 'mbconv'
import t from 'tap'
import { small } from './helpers/small.mjs'

mb.setNumThreads(1)

const { arch, count, create, list, summary } = mb.models

t.test('output shapes are what comes out of each part', async (t) => {
  for (const name of list()) {
    const table = small(name)
    const network = create(table, { numClasses: 7, inChannels: 1, seed: 0 }).eval()
    for (const resolution of [32, 37]) {
      mb.scope(() => {
        const x = mb.zeros([1, 1, resolution, resolution])
        const parts = [...network.features].map((_, i) => i)
        const maps = mb.noGrad(() => network.forwardFeatures(x, { stages: parts }))
        const found = [...maps, network.forward(x)].map(({ shape }) => shape.slice(1))
        const wanted = summary(network, { resolution }).stages.map(({ outputShape }) => outputShape)
        t.same(found, wanted, `${name} at ${resolution} px`)
      })
    }
    network.dispose()
  }
})

t.test('figures and text', async (t) => {
  const b0 = summary(arch('efficientnet_b0'))
  t.same(b0.counts, count(arch('efficientnet_b0')))
  t.same(b0.rows.at(-1), ['total', '', '', '', '', '19', '5,288,548', '385,814,752'])
  const lines = b0.text.split('\n')
  t.equal(lines[0], 'efficientnet_b0')
  t.match(b0.text, /^5 +MBConv6 5x5 +14 +1 +112x14x14 +3 +543,148 +86,102,400$/m)
  t.match(b0.text, /^classifier +linear +1 +1 +1000 +1 +1,281,000 +1,280,000$/m)
  t.match(lines.at(-1), /^Counted: multiply-adds/)
  t.equal(new Set(lines.slice(2, 13).map((line) => line.length)).size, 1, 'columns are aligned')
  const network = create(small('resnet18'), { numClasses: 3, inChannels: 1, init: 'none' })
  t.match(summary(network).counts, { numClasses: 3, inChannels: 1 })
  t.equal(summary(network, { numClasses: 9 }).counts.numClasses, 9)
  network.dispose()
  t.throws(() => summary('efficientnet_b0'), { code: 'ERR_TYPE' })
  t.throws(() => summary(arch('efficientnet_b0'), { classes: 1 }), { code: 'ERR_TYPE', hint: /numClasses/ })
  t.throws(() => summary(arch('efficientnet_b0'), null), { code: 'ERR_TYPE' })
})
