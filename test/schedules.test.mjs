import { optim } from 'mbconv'
import t from 'tap'

const { constant, cosine, scheduleOf, staircase } = optim.schedules

const near = (t, found, wanted, message) =>
  t.ok(Math.abs(found - wanted) <= 1e-14 * Math.abs(wanted), `${message}: ${found}`)

t.test('the warm-up rises in a line from 0 and meets the schedule', async (t) => {
  const lr = constant({ lr: 0.5, warmupSteps: 5 })
  t.strictSame([0, 1, 2, 3, 4, 5, 6, 1000].map(lr), [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.5, 0.5])
  t.equal(constant({ lr: 0.5 })(0), 0.5, 'none by default')
})

t.test('stairs, on a clock that runs through the warm-up', async (t) => {
  const lr = staircase({ lr: 1, decaySteps: 2.4, decayRate: 0.9 })
  const drops = [0, 1, 2, 3, 4, 5, 7, 8, 12]
  const done = [0, 0, 0, 1, 1, 2, 2, 3, 5] // floor(step / 2.4)
  drops.forEach((step, i) => {
    near(t, lr(step), 0.9 ** done[i], `step ${step}`)
  })
  const warm = staircase({ lr: 1, decaySteps: 2.4, decayRate: 0.9, warmupSteps: 5 })
  near(t, warm(4), 4 / 5, 'within the warm-up')
  near(t, warm(5), 0.9 ** 2, 'two drops are due when the warm-up ends')
})

t.test("the paper's recipe in steps", async (t) => {
  // ImageNet at batch 4096: 312 steps an epoch, peak 0.256; figures by hand from the formula of the reference code.
  const lr = scheduleOf(
    { name: 'staircase', warmupEpochs: 5, decayEpochs: 2.4, decayRate: 0.97 },
    0.256,
    312,
    350 * 312,
  )
  t.equal(lr(0), 0)
  near(t, lr(780), 0.128, 'half-way through the warm-up')
  near(t, lr(1559), (0.256 * 1559) / 1560, 'the last step of it')
  near(t, lr(1560), 0.256 * 0.97 ** 2, 'then')
  near(t, lr(2246), 0.256 * 0.97 ** 2, 'step 2246 is before the third drop')
  near(t, lr(2247), 0.256 * 0.97 ** 3, 'step 2247 after it')
  near(t, lr(109199), 0.256 * 0.97 ** 145, 'the last step')
})

t.test('half a cosine', async (t) => {
  const lr = cosine({ lr: 1, totalSteps: 100, minLr: 0.2 })
  near(t, lr(0), 1, 'begins at lr')
  near(t, lr(50), 0.6, 'half-way')
  near(t, lr(100), 0.2, 'ends at minLr')
  near(t, lr(150), 0.2, 'and stays')
  const warm = cosine({ lr: 1, totalSteps: 110, warmupSteps: 10 })
  near(t, warm(5), 0.5, 'in the warm-up')
  near(t, warm(10), 1, 'no jump at its end')
  near(t, warm(60), 0.5, 'half-way through the rest')
  for (let step = 10; step < 110; step++) t.ok(warm(step + 1) < warm(step), 'falls throughout')
})

t.test('schedules as configured, in epochs', async (t) => {
  const flat = scheduleOf({ name: 'constant', warmupEpochs: 0.5 }, 1, 9, 90)
  t.equal(flat(3), 3 / 4, 'a warm-up of whole steps, rounded down')
  t.equal(flat(4), 1)
  const wave = scheduleOf({ name: 'cosine', warmupEpochs: 1, minLr: 0.1 }, 1, 10, 30)
  near(t, wave(20), 0.55, 'half-way between warm-up and end')
  near(t, wave(30), 0.1, 'minLr at the end')
})

t.test('what a schedule refuses', async (t) => {
  for (const make of [
    () => constant({ lr: -1 }),
    () => constant({ lr: Number.NaN }),
    () => constant({ lr: Number.POSITIVE_INFINITY }),
    () => constant({ lr: 1, warmupSteps: -1 }),
    () => staircase({ lr: 1, decaySteps: 0, decayRate: 0.9 }),
    () => staircase({ lr: 1, decaySteps: 2, decayRate: -0.9 }),
    () => cosine({ lr: 1, totalSteps: 0 }),
    () => cosine({ lr: 1, totalSteps: 10, minLr: -1 }),
  ])
    t.throws(make, { code: 'ERR_VALUE' })
})
