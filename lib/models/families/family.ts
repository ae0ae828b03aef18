/** The family of a network, which decides how other libraries name its layers and draw its first weights. */
import type { CheckedArch } from '../arch/check'
import { kindOf } from '../arch/kinds'

export type Family = 'efficientnet' | 'mobilenet_v1' | 'mobilenet_v2' | 'mobilenet_v3' | 'mnasnet' | 'resnet'

/** A user's own table counts as an EfficientNet, unless its name begins like another family or its blocks are ResNet's. */
export function familyOf({ name, stages }: CheckedArch): Family {
  const named = (['mobilenet_v1', 'mobilenet_v2', 'mobilenet_v3', 'mnasnet'] as const).find((each) =>
    name.startsWith(each),
  )
  if (named !== undefined) return named
  return stages.some((stage) => kindOf(stage).names === 'resnet') ? 'resnet' : 'efficientnet'
}
