/* Whether training in bf16 reaches the accuracy of float32. */
import { pairedTest, rangeOf, summarize } from './statistics.mjs'
import { percent } from './training.mjs'

export async function studyBf16({ images, seeds, trainer }) {
  const runs = []
  for (const seed of seeds) {
    const run = { seed }
    for (const precision of ['float32', 'bf16']) {
      const { top1, loss, seconds } = await trainer.train(images, { seed, precision })
      run[precision] = { top1, loss, seconds }
    }
    runs.push(run)
  }
  const of = (precision) => runs.map((run) => run[precision].top1)
  const [single, half] = ['float32', 'bf16'].map((precision) => summarize(of(precision)))
  const [least, most] = rangeOf(of('float32'))
  const test = pairedTest(runs.map((run) => run.bf16.top1 - run.float32.top1))
  const loss = pairedTest(runs.map((run) => run.bf16.loss - run.float32.loss))
  const rows = runs.map(
    ({ seed, float32, bf16 }) =>
      `seed ${seed}: float32 ${percent(float32.top1)} in ${float32.seconds.toFixed()} s, ` +
      `bf16 ${percent(bf16.top1)} in ${bf16.seconds.toFixed()} s`,
  )
  const [low, high] = test.interval ?? [Number.NaN, Number.NaN]
  const [lossLow, lossHigh] = loss.interval ?? [Number.NaN, Number.NaN]
  return {
    ...{ runs, float32: single, bf16: half, difference: test, lossDifference: loss, rows, shown: half.mean >= least },
    verdict:
      `mean of float32 ${percent(single.mean)}, seeds from ${percent(least)} to ${percent(most)}; mean of bf16 ${percent(half.mean)}, ` +
      `${half.mean >= least ? 'not below' : 'below'} the seeds of float32. Difference ${percent(test.mean)}, ` +
      `95 % interval ${percent(low)} to ${percent(high)}; of the test loss ${loss.mean.toFixed(3)}, ` +
      `${lossLow.toFixed(3)} to ${lossHigh.toFixed(3)}`,
  }
}
