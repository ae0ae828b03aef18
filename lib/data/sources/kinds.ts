/** The registry of data sets that configurations, sessions and experiments use. */
import type { z } from 'zod'
import { checkObject, shown } from '../../errors/check'
import { MbconvError } from '../../errors/error'
import { longerSideOf, type Resolution } from '../../models/arch/resolution'
import type { DataParts, DatasetKind } from '../dataset/kind'
import { cacheKind } from './cache'
import { cifar10Kind, cifar100Kind } from './cifar'
import { digitsKind } from './digits'
import { fakeKind } from './fake'
import { folderKind } from './folder'
import { idxKind } from './idx'
import { listKind } from './list'
import { scenesKind } from './scenes'
import { shardsKind } from './shards'

/** All data sets that a configuration can name. */
const DATASETS = [
  digitsKind,
  scenesKind,
  folderKind,
  listKind,
  shardsKind,
  cacheKind,
  idxKind,
  cifar10Kind,
  cifar100Kind,
  fakeKind,
] as const

/** The default data set of a configuration. */
export const DEFAULT_DATASET = 'digits'

export type DatasetName = (typeof DATASETS)[number]['name']

type Intersection<U> = (U extends unknown ? (each: U) => void : never) extends (all: infer I) => void ? I : never

/** The keys of all data sets. Their names must differ, since they are siblings in `data`. */
type DatasetKeys = Intersection<(typeof DATASETS)[number]['keys']>

const kinds: DatasetKind[] = [...DATASETS]
let isClosed = false

/**
 * Adds a data set to the registry, in this thread. Only for tests: the package's own data sets are listed above.
 *
 * @throws MbconvError ERR_VALUE if the configuration's schema has already been built (loading config/schema.ts builds
 *   it), or if the name or a key exists already
 */
export function addDataset(kind: DatasetKind): void {
  const refuse = (why: string) => {
    throw new MbconvError('ERR_VALUE', `addDataset: ${why}`, { op: 'addDataset' })
  }
  if (isClosed) refuse('the schema of configurations has been made without it')
  if (kinds.some(({ name }) => name === kind.name)) refuse(`there is a data set ${kind.name} already`)
  const taken = kinds.flatMap(({ keys }) => Object.keys(keys))
  const twice = Object.keys(kind.keys).find((key) => taken.includes(key))
  if (twice !== undefined) refuse(`there is a key ${twice} already`)
  kinds.push(kind)
}

/** All data sets. After the first call, none can be added. */
export function datasetKinds(): readonly DatasetKind[] {
  isClosed = true
  return kinds
}

/** For the schema of `data`: the names of all data sets, and the keys of each, in the registry's order. */
export function datasetFields(): { names: DatasetName[]; keys: DatasetKeys; summary: string } {
  const all = datasetKinds()
  return {
    names: all.map(({ name }) => name as DatasetName),
    keys: Object.assign({}, ...all.map(({ keys }) => keys)),
    summary: all.map(({ name, summary }) => `${name}: ${summary}`).join('; '),
  }
}

/** All keys of a data set that name files, with a dot where one lies inside a mapping. */
export const fileKeys = ({ files, optionalFiles = [] }: DatasetKind): readonly string[] => [...files, ...optionalFiles]

/** The data set with a given name; undefined if there is none. */
export function datasetNamed(name: unknown): DatasetKind | undefined {
  return kinds.find((kind) => kind.name === name)
}

/** @throws MbconvError ERR_CONFIG for an unknown name */
export function datasetKind(name: unknown): DatasetKind {
  const kind = datasetNamed(name)
  if (kind !== undefined) return kind
  throw new MbconvError('ERR_CONFIG', `data.dataset must be a data set, not ${shown(name)}`, {
    hint: `there are ${kinds.map((each) => each.name).join(', ')}`,
  })
}

/** The part of a training configuration that names a data set; see `data` in the configuration. */
export type DatasetChoice = { dataset: DatasetName } & z.input<
  z.ZodObject<{ [K in keyof DatasetKeys]: DatasetKeys[K] }>
>

/**
 * Loads the training and the test images that a configuration names.
 *
 * @param resolution of the model's input, px; scenes are squares of its longer side unless the choice sets another
 * @throws MbconvError ERR_CONFIG for an unknown data set or a missing file name, ERR_DATA if a file cannot be used or
 *   the two parts do not match
 */
export function datasetOf(choice: DatasetChoice, resolution: Resolution = 64): DataParts {
  checkObject('datasetOf', 'choice', choice)
  return datasetKind(choice.dataset).open(choice as never, longerSideOf(resolution))
}
