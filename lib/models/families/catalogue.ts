/** The networks by name, and other libraries' names for them. */
import { MbconvError } from '../../errors/error'
import type { CheckedArch } from '../arch/check'
import { EFFICIENTNET, EFFICIENTNET_LITE } from './efficientnet'
import { EFFICIENTNETV2, EFFICIENTNETV2_RW } from './efficientnetv2'
import { MNASNET, MOBILENET } from './mobilenet'
import { RESNET } from './resnet'

/** By family, smallest model first. Each table is made on request, since nobody needs all of them. */
const FAMILIES: ReadonlyMap<string, () => CheckedArch> = new Map(
  [EFFICIENTNET, EFFICIENTNETV2, EFFICIENTNETV2_RW, EFFICIENTNET_LITE, MOBILENET, MNASNET, RESNET].flatMap(
    Object.entries,
  ),
)

const V1 = ['b0', 'b1', 'b2', 'b3', 'b4', 'b5', 'b6', 'b7', 'b8', 'l2']
const LITE = ['lite0', 'lite1', 'lite2', 'lite3', 'lite4']

/** timm's and torchvision's names. */
export const ALIASES: ReadonlyMap<string, string> = new Map([
  ...[...V1, ...LITE].map((size): [string, string] => [`tf_efficientnet_${size}`, `efficientnet_${size}`]),
  ...Object.keys(EFFICIENTNETV2).map((name): [string, string] => [`tf_${name}`, name]),
  ...['s', 'm', 'l'].map((size): [string, string] => [`efficientnet_v2_${size}`, `efficientnetv2_${size}`]),
  ['mobilenetv1_100', 'mobilenet_v1'],
  ['mobilenetv2_100', 'mobilenet_v2'],
  ['mobilenetv3_large_100', 'mobilenet_v3_large'],
  ['tf_mobilenetv3_large_100', 'mobilenet_v3_large'],
  ['mobilenetv3_small_100', 'mobilenet_v3_small'],
  ['tf_mobilenetv3_small_100', 'mobilenet_v3_small'],
  ['mnasnet_100', 'mnasnet_b1'],
  ['mnasnet1_0', 'mnasnet_b1'],
  ['semnasnet_100', 'mnasnet_a1'],
])

/** Names that {@link arch} knows, by family, smallest model first. Aliases are not included. */
export function list(): string[] {
  return [...FAMILIES.keys()]
}

/** Translates timm's or torchvision's name to the one in {@link list}. Returns any other name unchanged. */
export function canonicalName(name: string): string {
  return ALIASES.get(name) ?? name
}

/** The name in {@link list} for a short one such as `b3`, or for one of timm's or torchvision's. */
export function fullName(name: string): string | undefined {
  const canonical = canonicalName(name)
  return list().find((known) => known === canonical || known === `efficientnet_${name}`)
}

/**
 * The architecture of a published model, as frozen data.
 *
 * @param name one of {@link list}, such as `efficientnet_b0`, or timm's or torchvision's name for it. A name selects
 *   only the architecture; numeric profile and weights are chosen separately.
 * @throws MbconvError ERR_TYPE, or ERR_VALUE listing the known names.
 */
export function arch(name: string): CheckedArch {
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
