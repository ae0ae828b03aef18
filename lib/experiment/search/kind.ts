/** What a search of arms has to give, and what it has to work with. */
import type { z } from 'zod'
import type { TrainConfigInput } from '../../config/train'
import type { Arch } from '../../models/arch/arch'
import { type Counts, count } from '../../models/cost/count'
import type { StoredSeed } from '../../random/seed'
import type { ArmSource } from '../types/types'

/** The classes and channels of a data set: what counting a network needs to know of it. */
export interface DataFacts {
  classes: number
  channels: number
}

/** What a network counts on such data. */
export function countOn({ classes, channels }: DataFacts, table: Arch, resolution = table.resolution): Counts {
  return count(table, { numClasses: classes, inChannels: channels, resolution })
}

/** What a search has to work with. */
export interface SearchContext {
  /** The base's table, scaled as `base` says. */
  base: Arch
  facts: DataFacts
  /** Multiply-adds to hit, and the relative error allowed; null where the experiment has no budget. */
  budget: { macs: number; times: number | null; tolerance: number } | null
  seeds: readonly StoredSeed[]
  /** The configuration of an arm: the experiment's with these keys of `model` in place of the base's. */
  configOf(model: Partial<TrainConfigInput['model']>): TrainConfigInput
}

/** Gives the schema of its options, and makes an {@link ArmSource} of them. */
export interface Search {
  /** Of what stands behind the key; a strict object, so that unknown keys are errors. */
  schema: z.ZodType
  /** @param options checked by the schema, defaults filled in */
  source(options: never, context: SearchContext): ArmSource
}
