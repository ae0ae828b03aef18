/** The figures of an evaluation that events and metrics.jsonl have, and the one that says how good it is. */
import type { Task } from '../../models/export/task'

/** Where each image has one class: shares of images, 0 … 1. */
export interface ClassFigures {
  /** The class is the most probable one. */
  top1: number
  /** The class is among the five most probable. */
  top5: number
  mAP?: undefined
  macroF1?: undefined
  microF1?: undefined
}

/** Where images have several labels; see MultiLabelEvaluation in ../record/events.ts. */
export interface MultiLabelFigures {
  mAP: number
  macroF1: number
  microF1: number
  top1?: undefined
  top5?: undefined
}

export type Figures = ClassFigures | MultiLabelFigures

/** The figures of an evaluation, without what else it says. */
export function figuresOf(evaluation: Figures): Figures {
  if (evaluation.mAP === undefined) return { top1: evaluation.top1, top5: evaluation.top5 }
  const { mAP, macroF1, microF1 } = evaluation
  return { mAP, macroF1, microF1 }
}

/** The figure that decides which evaluation is the best. */
export type Score = { top1: number; mAP?: undefined } | { mAP: number; top1?: undefined }

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
