/**
 * The paper's own points, to stand beside ours. They are another task at another scale (ImageNet, hundreds of epochs)
 * and are never mixed with what was measured here.
 *
 * Source: M. Tan and Q. V. Le, EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks,
 * arXiv:1905.11946. The figures' points are read off the vector paths of version 2, exact to about 0.001 G multiply-adds
 * and 0.01 points; the tables are as printed. Both count multiply-adds and call them FLOPS.
 */
import type { PaperStudy } from '../types/types'

export interface PaperPoint {
  /** What was scaled: `d 4`, `w 2`, `baseline`. */
  label: string
  /** Multiply-adds of one image, as printed or drawn. */
  macs: number
  /** ImageNet top-1, share. */
  top1: number
}

export interface PaperSeries {
  /** As in {@link PlannedArm.series}: `depth`, or the name of a group. */
  dimension: string
  /** The base network where there are several, else empty. */
  group: string
  points: readonly PaperPoint[]
}

export interface PaperStudyPoints {
  /** `Table 7`. */
  name: string
  /** Where the numbers are from, in a sentence. */
  source: string
  series: readonly PaperSeries[]
}

/** Pairs of multiply-adds in 10⁹ and top-1 in per cent. */
type Pairs = readonly (readonly [label: string, billions: number, percent: number])[]

const points = (pairs: Pairs): PaperPoint[] =>
  pairs.map(([label, billions, percent]) => ({ label, macs: billions * 1e9, top1: percent / 100 }))

const one = (group: string, dimension: string, ...pairs: Pairs): PaperSeries => ({
  group,
  dimension,
  points: points(pairs),
})

const PAPER = 'Tan and Le, EfficientNet, arXiv:1905.11946'

const TABLE7: PaperStudyPoints = {
  name: 'Table 7',
  source: `${PAPER}, Table 7 (version 5); ImageNet top-1, costs as printed.`,
  series: [
    one('', 'baseline', ['baseline B0', 0.4, 77.3]),
    one('', 'depth', ['d 4', 1.8, 79.0]),
    one('', 'width', ['w 2', 1.8, 78.9]),
    one('', 'resolution', ['r 2', 1.9, 79.1]),
    one('', 'compound', ['d 1.4, w 1.2, r 1.3', 1.8, 81.1]),
  ],
}

const FIGURE3: PaperStudyPoints = {
  name: 'Figure 3',
  source: `${PAPER}, Figure 3 (version 2, read off the drawing); ImageNet top-1. The baseline is drawn at 0.5 G, not 0.39 G.`,
  series: [
    one('', 'baseline', ['1', 0.5004, 76.1]),
    one(
      '',
      'width',
      ['w 1.4', 0.7836, 77.49],
      ['w 1.8', 1.1476, 78.51],
      ['w 2.6', 2.2579, 79.46],
      ['w 3.8', 4.8817, 79.99],
      ['w 5', 8.2507, 80.3],
    ),
    one(
      '',
      'depth',
      ['d 2', 0.9502, 78.51],
      ['d 3', 1.3999, 78.84],
      ['d 4', 1.8497, 78.99],
      ['d 6', 2.7492, 80.0],
      ['d 8', 3.6487, 80.0],
    ),
    one(
      '',
      'resolution',
      ['r 1.3', 0.9355, 77.68],
      ['r 1.5', 1.1404, 78.11],
      ['r 1.7', 1.4544, 78.78],
      ['r 1.9', 1.9445, 79.07],
      ['r 2.2', 2.5514, 79.54],
      ['r 2.5', 3.1155, 79.68],
    ),
  ],
}

/** Figure 4 prints no widths, only where each point lies. */
const curve = (group: string, pairs: readonly (readonly [number, number])[]): PaperSeries => ({
  group: '',
  dimension: group,
  points: points(pairs.map(([billions, percent]) => ['', billions, percent])),
})

const FIGURE4: PaperStudyPoints = {
  name: 'Figure 4',
  source: `${PAPER}, Figure 4 (version 2, read off the drawing); ImageNet top-1; along each curve the width grows.`,
  series: [
    curve('d 1, r 1', [
      [0.5003, 76.1],
      [0.7836, 77.49],
      [1.1476, 78.51],
      [1.6649, 79.06],
      [2.258, 79.46],
      [3.9391, 79.87],
      [4.8819, 79.99],
      [5.3338, 80.04],
      [8.251, 80.3],
      [11.9259, 80.39],
      [16.1532, 80.46],
    ]),
    curve('d 1, r 1.3', [
      [0.9353, 78.21],
      [1.4794, 79.424],
      [2.1783, 80.038],
      [3.1674, 80.66],
      [4.2968, 80.85],
      [7.2868, 81.328],
      [12.2848, 81.418],
      [15.7183, 81.428],
      [22.7144, 81.706],
    ]),
    curve('d 2, r 1', [
      [0.9499, 78.74],
      [1.5437, 79.56],
      [3.4134, 80.16],
      [4.6203, 80.37],
      [6.2069, 80.51],
      [9.948, 80.68],
      [24.4222, 80.72],
    ]),
    curve('d 2, r 1.3', [
      [1.7877, 79.69],
      [2.9327, 80.69],
      [4.4267, 81.32],
      [8.831, 81.54],
      [11.8626, 81.65],
      [15.3402, 81.79],
      [19.0086, 82.02],
    ]),
  ],
}

const TABLE3: PaperStudyPoints = {
  name: 'Table 3',
  source: `${PAPER}, Table 3; ImageNet top-1, costs as printed. The costs of ResNet-50 at d 4 and at w 2 seem to be swapped.`,
  series: [
    one('mobilenet_v1', 'baseline', ['baseline', 0.6, 70.6]),
    one('mobilenet_v1', 'width', ['w 2', 2.2, 74.2]),
    one('mobilenet_v1', 'resolution', ['r 2', 2.2, 72.7]),
    one('mobilenet_v1', 'compound', ['d 1.4, w 1.2, r 1.3', 2.3, 75.6]),
    one('mobilenet_v2', 'baseline', ['baseline', 0.3, 72.0]),
    one('mobilenet_v2', 'depth', ['d 4', 1.2, 76.8]),
    one('mobilenet_v2', 'width', ['w 2', 1.1, 76.4]),
    one('mobilenet_v2', 'resolution', ['r 2', 1.2, 74.8]),
    one('mobilenet_v2', 'compound', ['compound', 1.3, 77.4]),
    one('resnet50', 'baseline', ['baseline', 4.1, 76.0]),
    one('resnet50', 'depth', ['d 4', 16.2, 78.1]),
    one('resnet50', 'width', ['w 2', 14.7, 77.7]),
    one('resnet50', 'resolution', ['r 2', 16.4, 77.5]),
    one('resnet50', 'compound', ['compound', 16.7, 78.8]),
  ],
}

/** The paper's points by study. */
export const PAPER_POINTS: Readonly<Record<PaperStudy, PaperStudyPoints>> = Object.freeze({
  table7: TABLE7,
  figure3: FIGURE3,
  figure4: FIGURE4,
  table3: TABLE3,
})
