/** The interface of a search for arms, and the context it works in. */
import type { z } from 'zod'
import type { TrainConfigInput } from '../../config/train'
import type { Arch } from '../../models/arch/arch'
import { type Counts, count } from '../../models/cost/count'
import type { SquareArch } from '../../models/fit/base'
import type { StoredSeed } from '../../random/seed'
import type { ArmSource } from '../types/types'

/** The classes and channels of a data set, which counting a network needs. */
export interface DataFacts {
  classes: number
  channels: number
}

/** The counts of a network on such data. */
export function countOn({ classes, channels }: DataFacts, table: Arch, resolution = table.resolution): Counts {
  return count(table, { numClasses: classes, inChannels: channels, resolution })
}

/** The context of a search. */
export interface SearchContext {
  /** The base's table, scaled as `base` says. */
  base: SquareArch
  facts: DataFacts
  /** Wanted multiply-adds and the allowed relative error; null if the experiment has no budget. */
  budget: { macs: number; times: number | null; tolerance: number } | null
  seeds: readonly StoredSeed[]
  /** The configuration of an arm: the experiment's with these keys of `model` in place of the base's. */
  configOf(model: Partial<TrainConfigInput['model']>): TrainConfigInput
}

/** A kind of search: the schema of its options, and a function that makes an {@link ArmSource} from them. */
export interface Search {
  /** Schema of the value of the key; a strict object, so that unknown keys are errors. */
  schema: z.ZodType
  /** @param options checked by the schema, defaults filled in */
  source(options: never, context: SearchContext): ArmSource
}
