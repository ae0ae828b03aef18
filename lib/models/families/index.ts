/** The networks by name, and the names that others have for them. */
import type { Arch } from '../arch/arch'
import { EFFICIENTNET, EFFICIENTNET_LITE } from './efficientnet'
import { EFFICIENTNETV2 } from './efficientnetv2'
import { MNASNET, MOBILENET } from './mobilenet'
import { RESNET } from './resnet'

/** By family, smallest model first. Made when asked for, since nobody wants all. */
export const FAMILIES: ReadonlyMap<string, () => Arch> = new Map(
  [EFFICIENTNET, EFFICIENTNETV2, EFFICIENTNET_LITE, MOBILENET, MNASNET, RESNET].flatMap(Object.entries),
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
