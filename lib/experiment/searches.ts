/**
 * Kinds of arms that are searched for rather than listed: `{grid: …}` and `{evolution: …}` in an experiment's `arms`.
 * A search gives the schema of its options and makes an {@link ArmSource} of them.
 */
import type { z } from 'zod'
import type { Arch } from '../models/arch'
import type { TrainConfigInput } from '../train/config'
import { EVOLUTION } from './evolution'
import { GRID } from './grid'
import type { ArmSource } from './types'

/** The classes and channels of a data set: what counting a network needs to know of it. */
export interface DataFacts {
  classes: number
  channels: number
}

/** What a search has to work with. */
export interface SearchContext {
  /** The base's table, scaled as `base` says. */
  base: Arch
  facts: DataFacts
  /** Multiply-adds to hit, and the relative error allowed; null where the experiment has no budget. */
  budget: { macs: number; times: number | null; tolerance: number } | null
  seeds: readonly number[]
  /** The configuration of an arm: the experiment's with these keys of `model` in place of the base's. */
  configOf(model: Partial<TrainConfigInput['model']>): TrainConfigInput
}

export interface Search {
  /** Of what stands behind the key; a strict object, so that unknown keys are errors. */
  schema: z.ZodType
  /** @param options checked by the schema, defaults filled in */
  source(options: never, context: SearchContext): ArmSource
}

/** By the key that names them in an experiment's file. */
export const SEARCHES: Readonly<Record<string, Search>> = Object.freeze({ grid: GRID, evolution: EVOLUTION })
