/** No augmentation. */
import { z } from 'zod'
import { PURPOSE } from '../../random/philox'
import type { AugmentationKind } from './kind'

const schema = z.strictObject({ name: z.literal('none') })

/** The entry in kinds.ts. */
export const noneKind = { schema, purpose: PURPOSE.policy, draw() {} } satisfies AugmentationKind
