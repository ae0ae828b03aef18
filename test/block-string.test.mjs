// Stages as text: there and back, and what is said of text that is no stage.
import fc from 'fast-check'
import { models } from 'mbconv'
import t from 'tap'

const { arch, formatStage, list, parseStage } = models

t.test('the stages of every published model', async (t) => {
  t.equal(formatStage(arch('efficientnet_b0').stages[0]), 'mb_r1_k3_s1_e1_c16_se0.25')
  t.equal(formatStage(arch('efficientnetv2_s').stages[1]), 'fmb_r4_k3_s2_e4_c48')
  t.equal(formatStage(arch('resnet50').stages[0]), 'rbn_r3_k3_s1_e0.25_c256')
  t.equal(formatStage(arch('mobilenet_v3_small').stages[0]), 'mb_r1_k3_s2_e1_x16_c16_se0.25_arelu')
  for (const name of list()) {
    const { stages } = arch(name)
    for (const stage of stages) {
      const { block, ...rest } = stage
      const expected = block === undefined || block === 'mbconv' ? rest : stage
      t.same(parseStage(formatStage(stage)), expected, formatStage(stage))
    }
  }
})

t.test('any stage', async (t) => {
  const count = fc.integer({ min: 1, max: 1e6 })
  const positive = fc.double({ min: 1e-9, max: 1e9, noNaN: true })
  const stage = fc.record(
    {
      block: fc.constantFrom('fused', 'separable', 'basic', 'bottleneck'),
      kernel: fc.integer({ min: 0, max: 499_999 }).map((half) => 2 * half + 1),
      stride: count,
      expand: positive,
      expanded: count,
      channels: count,
      layers: fc.integer({ min: 1, max: 10_000 }),
      seRatio: fc.oneof(fc.constant(0), positive),
      activation: fc.constantFrom('silu', 'relu', 'relu6', 'hardswish'),
    },
    { requiredKeys: ['kernel', 'stride', 'expand', 'channels', 'layers', 'seRatio'] },
  )
  fc.assert(
    fc.property(stage, (value) => {
      const back = parseStage(formatStage(value))
      return JSON.stringify(Object.entries(back).sort()) === JSON.stringify(Object.entries(value).sort())
    }),
    { numRuns: 500 },
  )
  t.pass('five hundred times')
})

t.test('text that is no stage', async (t) => {
  const refused = (text, message) =>
    t.throws(() => parseStage(text), { code: 'ERR_VALUE', op: 'parseStage', message }, text)
  refused('', /character 1: "" is no kind/)
  refused('ir_r1_k3_s1_e1_c16', /character 1: "ir" is no kind of block; there are mb, fmb/)
  refused('mb_r1_k3_s1_e1', /character 15: c \(channels\) is missing/)
  refused('mb_r1_k3_k5_s1_e1_c16', /character 10: k is given twice/)
  refused('mb_r1_kx_s1_e1_c16', /character 7: "kx"/)
  refused('mb_r1_k_s1_e1_c16', /character 7: "k" has no number/)
  refused('mb_r1_k3_s1_e1_c16_se-1', /character 20: "se-1"/)
  refused('mb_r1_k3_s1_e1_c16_agelu', /character 20: "agelu" is not known/)
  refused('mb_r1_k3_s1_e1_c16_arelu_asilu', /character 26: the activation is given twice/)
  t.throws(() => parseStage(7), { code: 'ERR_TYPE' })
  fc.assert(
    fc.property(fc.string(), (text) => {
      try {
        parseStage(`mb_${text}`)
        return true
      } catch (error) {
        return error.code === 'ERR_VALUE'
      }
    }),
  )
})
