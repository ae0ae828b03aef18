/** Kinds of arms that are searched for rather than listed: `{grid: …}` and `{evolution: …}` in an experiment's `arms`. */
import { EVOLUTION } from './evolution'
import { GRID } from './grid'
import type { Search } from './kind'

/** By the key that names them in an experiment's file. */
export const SEARCHES: Readonly<Record<string, Search>> = Object.freeze({ grid: GRID, evolution: EVOLUTION })
