/** The networks by name, and other libraries' names for them. */
import { MbconvError } from '../../errors/error'
import type { CheckedArch } from '../arch/check'
import { EFFICIENTNET, EFFICIENTNET_LITE } from './efficientnet'
import { EFFICIENTNETV2, EFFICIENTNETV2_RW } from './efficientnetv2'
import { LIBRARY_NAMES, SHORT } from './library-names'
import { MNASNET, MOBILENET } from './mobilenet'
import { RESNET } from './resnet'

/** By family, smallest model first. Each table is made on request, since nobody needs all of them. */
const TABLES = {
  ...EFFICIENTNET,
  ...EFFICIENTNETV2,
  ...EFFICIENTNETV2_RW,
  ...EFFICIENTNET_LITE,
  ...MOBILENET,
  ...MNASNET,
  ...RESNET,
}

const FAMILIES: ReadonlyMap<string, () => CheckedArch> = new Map(Object.entries(TABLES))

/** The names of {@link list}, for completion in editors. */
export type ArchName = keyof typeof TABLES

/** A name of an architecture: an editor completes those of {@link list}; other libraries' names are allowed, too. */
export type ModelName = ArchName | (string & Record<never, never>)

/** timm's and torchvision's names, where they are not ours. */
export const ALIASES: ReadonlyMap<string, string> = new Map(
  LIBRARY_NAMES.filter(({ name, arch }) => name !== arch && FAMILIES.has(arch)).map(({ name, arch }) => [name, arch]),
)

/** Names that {@link arch} knows, by family, smallest model first. Aliases are not included. */
export function list(): ModelName[] {
  return [...FAMILIES.keys()]
}

/**
 * The name in {@link list} for a short one such as `b3`, or for one of timm's or torchvision's. Returns any other name
 * unchanged.
 */
export function canonicalName(name: string): string {
  return fullName(name) ?? name
}

/** As {@link canonicalName}; undefined for a name that is not known. */
export function fullName(name: string): string | undefined {
  const candidates = [name, ALIASES.get(name), `${SHORT}${name}`]
  return candidates.find((each) => each !== undefined && FAMILIES.has(each))
}

/**
 * The architecture of a published model, as frozen data.
 *
 * @param name one of {@link list}, such as `efficientnet_b0`, or its short form `b0`, or timm's or torchvision's name
 *   for it. A table has no numeric profile and no weights.
 * @throws MbconvError ERR_TYPE, or ERR_VALUE listing the known names.
 */
export function arch(name: ModelName): CheckedArch {
  const op = 'arch'
  if (typeof name !== 'string') throw new MbconvError('ERR_TYPE', 'arch: name must be a string', { op })
  const make = FAMILIES.get(canonicalName(name))
  if (make === undefined) {
    throw new MbconvError('ERR_VALUE', `arch: no model is called ${JSON.stringify(name)}`, {
      op,
      hint: `Known models: ${list().join(', ')}.`,
    })
  }
  return make()
}
