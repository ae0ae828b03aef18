/*
 * One class cut to a twentieth of another: its recall with `sampler: shuffle` and `sampler: balanced`. Fish is the cut
 * class: each of its photographs shows another fish, so those that are cut from the training can join the test.
 */
import mb from 'mbconv'
import { shuffled } from './images.mjs'
import { mean } from './statistics.mjs'
import { percent } from './training.mjs'

const [MINORITY, MAJORITY] = ['fish', 'vegetables']
/** Training images. */
const CUT = { [MINORITY]: 3, [MAJORITY]: 60 }

/** The images to train on and to test with. What each seed keeps of a cut class is another part of it. */
function cutTo(images, seed) {
  const rest = images.filter(({ label, split }) => split === 'test' || !Object.hasOwn(CUT, label))
  const cut = Object.entries(CUT).flatMap(([label, count]) => {
    const all = shuffled(
      images.filter((image) => image.label === label && image.split === 'train'),
      seed,
    )
    if (all.length < count) throw new Error(`the folder has ${all.length} training photographs of ${label}`)
    // Other classes have photographs of one plant; of these, what is cut is left out.
    const kept = label === MINORITY ? all : all.slice(0, count)
    return kept.map((image, i) => ({ ...image, split: i < count ? 'train' : 'test', isExtra: i >= count }))
  })
  return [...rest, ...cut]
}

export async function studyBalance({ images, seeds, trainer }) {
  const runs = []
  for (const seed of seeds) {
    const list = cutTo(images, seed)
    const tested = list.filter(({ split }) => split === 'test')
    const run = { seed }
    for (const sampler of ['shuffle', 'balanced']) {
      const { runDir, seconds } = await trainer.train(list, { seed, data: { sampler } })
      const predictions = await mb.predictImages(
        runDir,
        tested.map(({ file }) => file),
        { topk: 1 },
      )
      const isRight = tested.map(({ label }, i) => (predictions[i].predictions[0].label === label ? 1 : 0))
      const share = (isCounted) => mean(isRight.filter((_, i) => isCounted(tested[i])))
      const labels = [...new Set(tested.map(({ label }) => label))]
      run[sampler] = {
        recall: share(({ label }) => label === MINORITY),
        top1: share(({ isExtra }) => !isExtra),
        meanRecall: mean(labels.map((each) => share(({ label }) => label === each))),
        seconds,
      }
    }
    run.tested = tested.filter(({ label }) => label === MINORITY).length
    runs.push(run)
  }
  const figures = ({ recall, top1, meanRecall }) =>
    `recall of ${MINORITY} ${percent(recall)}, top-1 of all ${percent(top1)}, mean recall ${percent(meanRecall)}`
  const rows = runs.flatMap(({ seed, tested, shuffle, balanced }) => [
    `seed ${seed}, shuffle:  ${figures(shuffle)} (${tested} ${MINORITY})`,
    `seed ${seed}, balanced: ${figures(balanced)}`,
  ])
  const rising = runs.filter(({ shuffle, balanced }) => balanced.recall > shuffle.recall).length
  const of = (sampler, figure) => percent(mean(runs.map((run) => run[sampler][figure])))
  return {
    ...{ minority: MINORITY, cut: CUT, runs, rising, rows, shown: rising === runs.length },
    verdict:
      `the recall of ${MINORITY} rises in ${rising} of ${runs.length} seeds, from ${of('shuffle', 'recall')} to ` +
      `${of('balanced', 'recall')} on average; top-1 of all goes from ${of('shuffle', 'top1')} to ${of('balanced', 'top1')}`,
  }
}
