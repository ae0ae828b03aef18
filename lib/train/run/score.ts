/** The figures of an evaluation that events and metrics.jsonl have, and the one that says how good it is. */
import type { Task } from '../../models/export/task'

/** Where each image has one class: shares of images, 0 … 1. */
export interface ClassFigures {
  /** The class is the most probable one. */
  top1: number
  /** The class is among the five most probable. */
  top5: number
  /** Always undefined: images have one class. */
  mAP?: undefined
  /** Always undefined: images have one class. */
  macroF1?: undefined
  /** Always undefined: images have one class. */
  microF1?: undefined
}

/** Where images have several labels; see MultiLabelEvaluation in ../record/events.ts. */
export interface MultiLabelFigures {
  /** Mean over the labels of the average precision, 0 to 1. */
  mAP: number
  /** Mean of the labels' F1, 0 to 1. */
  macroF1: number
  /** F1 over all labels together, 0 to 1. */
  microF1: number
  /** Always undefined: images have several labels. */
  top1?: undefined
  /** Always undefined: images have several labels. */
  top5?: undefined
}

/** The figures of an evaluation, which depend on the task. */
export type Figures = ClassFigures | MultiLabelFigures

/** The figures of an evaluation, without what else it says. */
export function figuresOf(evaluation: Figures): Figures {
  if (evaluation.mAP === undefined) return { top1: evaluation.top1, top5: evaluation.top5 }
  const { mAP, macroF1, microF1 } = evaluation
  return { mAP, macroF1, microF1 }
}

/** The figure that decides which evaluation is the best. */
export type Score =
  | {
      /** Share of images whose class is the most probable one; with `task: classification`. */
      top1: number
      /** Mean average precision, 0 to 1; with `task: multiLabel`. */
      mAP?: undefined
    }
  | {
      /** Mean average precision, 0 to 1; with `task: multiLabel`. */
      mAP: number
      /** Share of images whose class is the most probable one; with `task: classification`. */
      top1?: undefined
    }

export const scoreOf = (figures: Figures | Score): Score =>
  figures.mAP === undefined ? { top1: figures.top1 } : { mAP: figures.mAP }

/** Its number, 0 … 1. Lines of a file that someone has changed may have none: NaN. */
export const scoreValue = ({ mAP, top1 }: Partial<Record<'mAP' | 'top1', number>>): number => mAP ?? top1 ?? Number.NaN

/** Its name, for people. */
export const scoreName = ({ mAP }: Partial<Record<'mAP' | 'top1', number>>): 'top-1' | 'mAP' =>
  mAP === undefined ? 'top-1' : 'mAP'

/** The names of the figures of a task, in the order of a table. */
export const FIGURES: Readonly<Record<Task, readonly string[]>> = {
  classification: ['top1', 'top5'],
  multiLabel: ['mAP', 'macroF1', 'microF1'],
}
