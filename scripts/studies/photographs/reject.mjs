/*
 * Rejection of unknown images. Two classes are left out of training. Cross-validation over all other photographs: one fold
 * is for the test, one for validation, which sets the threshold, and the others for training. So each photograph of a
 * known class is judged once for each seed, by a network and a threshold that have not seen it.
 */
import mb from 'mbconv'
import { foldOf } from './images.mjs'
import { auroc, mean, rangeOf, summarize } from './statistics.mjs'
import { percent } from './training.mjs'

/** Classes that the network never sees: each resembles one that it knows. */
const UNKNOWN = ['leaves', 'shellfish']
const FOLDS = 5
/** Share of known images that may be rejected, and how far the share of test images may be from it. */
const [SHARE, TOLERANCE] = [0.05, 0.02]

export async function studyReject({ images, seeds, trainer }) {
  const known = images.filter(({ label }) => !UNKNOWN.includes(label))
  const unknown = images.filter(({ label }) => UNKNOWN.includes(label))
  const bySeed = []
  for (const seed of seeds) {
    const judged = []
    const areas = Object.fromEntries(UNKNOWN.map((label) => [label, []]))
    const accuracies = []
    for (let fold = 0; fold < FOLDS; fold++) {
      const list = foldOf(known, { folds: FOLDS, fold, seed })
      const { runDir, test } = await trainer.train(list, { seed })
      accuracies.push(test.top1)
      const ofFiles = (some) =>
        mb.predictImages(
          runDir,
          some.map(({ file }) => file),
          { topk: 1, reject: SHARE },
        )
      const tested = await ofFiles(list.filter(({ split }) => split === 'test'))
      judged.push(...tested)
      for (const label of UNKNOWN) {
        const strangers = await ofFiles(unknown.filter((image) => image.label === label))
        const rejected = mean(strangers.map(({ isKnown }) => (isKnown ? 0 : 1)))
        const confidences = [tested, strangers].map((some) => some.map(({ confidence }) => confidence))
        areas[label].push({ auroc: auroc(...confidences), rejected })
      }
    }
    bySeed.push({
      seed,
      top1: mean(accuracies),
      known: judged.length,
      rejected: mean(judged.map(({ isKnown }) => (isKnown ? 0 : 1))),
      unknown: Object.fromEntries(
        UNKNOWN.map((label) => [
          label,
          {
            images: unknown.filter((image) => image.label === label).length,
            auroc: mean(areas[label].map((area) => area.auroc)),
            rejected: mean(areas[label].map((area) => area.rejected)),
          },
        ]),
      ),
    })
  }
  const rejected = mean(bySeed.map((each) => each.rejected))
  // The seeds judge the same photographs, so they do not narrow the interval. A threshold set on n images is as uncertain as a
  // share counted on n images; over the folds, each image serves once for either.
  const half = 1.96 * Math.sqrt((2 * rejected * (1 - rejected)) / known.length)
  const rows = bySeed.flatMap(({ seed, top1, known, rejected, unknown }) => [
    `seed ${seed}: ${percent(rejected)} of ${known} known photographs rejected, top-1 ${percent(top1)}`,
    ...Object.entries(unknown).map(
      ([label, { images, auroc, rejected }]) =>
        `  ${label}: AUROC ${auroc.toFixed(3)}, ${percent(rejected)} of ${images} rejected`,
    ),
  ])
  const [least, most] = rangeOf(bySeed.map((each) => each.rejected))
  const areas = UNKNOWN.map((label) => {
    const values = bySeed.map(({ unknown }) => unknown[label].auroc)
    const [from, to] = rangeOf(values).map((value) => value.toFixed(3))
    return `${label} ${summarize(values).mean.toFixed(3)} (${from} to ${to})`
  })
  const shown = Math.abs(rejected - SHARE) <= TOLERANCE
  return {
    ...{ unknown: UNKNOWN, folds: FOLDS, share: SHARE, bySeed, rejected, interval: [rejected - half, rejected + half] },
    ...{ rows, shown },
    verdict:
      `${percent(rejected)} of known test photographs rejected (target ${percent(SHARE)} ± ${percent(TOLERANCE)}), seeds from ` +
      `${percent(least)} to ${percent(most)}, 95 % interval ${percent(rejected - half)} to ${percent(rejected + half)}; ` +
      `AUROC of unknown classes: ${areas.join(', ')}`,
  }
}
