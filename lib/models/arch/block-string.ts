/**
 * Stages as short text, for command lines and logs: `mb_r2_k3_s2_e6_c24_se0.25` is two MBConv blocks of kernel 3,
 * stride 2, expansion 6, 24 channels, squeeze ratio 0.25. The table stays the source of truth. The text converts to a
 * stage and back without loss.
 *
 * The order: kind, `r` blocks, `k` kernel, `s` stride, `e` expansion, `x` inner channels where no ratio gives them, `c`
 * channels, `se` squeeze ratio unless 0, `a` activation unless it is the architecture's.
 */
import { MbconvError } from '../../errors/error'
import type { ActivationName, Stage } from './arch'
import { checkStageFields } from './check'
import { ACTIVATIONS } from './choices'
import { BLOCK_KINDS, DEFAULT_KIND, KINDS, kindOf } from './kinds'

/**
 * The text of a stage.
 *
 * @throws MbconvError ERR_TYPE or ERR_VALUE naming the field with an invalid value
 */
export function formatStage(stage: Stage): string {
  checkStageFields('formatStage', 'stage', stage)
  const { layers, kernel, stride, expand, expanded, channels, seRatio, activation } = stage
  return [
    kindOf(stage).code,
    `r${layers}`,
    `k${kernel}`,
    `s${stride}`,
    `e${expand}`,
    ...(expanded === undefined ? [] : [`x${expanded}`]),
    `c${channels}`,
    ...(seRatio === 0 ? [] : [`se${seRatio}`]),
    ...(activation === undefined ? [] : [`a${activation}`]),
  ].join('_')
}

/** Numeric parts: the letter, the field, whether the part is required. */
const PARTS = [
  { letter: 'r', field: 'layers', needed: true },
  { letter: 'k', field: 'kernel', needed: true },
  { letter: 's', field: 'stride', needed: true },
  { letter: 'e', field: 'expand', needed: true },
  { letter: 'x', field: 'expanded', needed: false },
  { letter: 'c', field: 'channels', needed: true },
  { letter: 'se', field: 'seRatio', needed: false },
] as const

/**
 * Parses the text of a stage. Parts may come in any order. The check of the whole table decides whether the values fit
 * together.
 *
 * @throws MbconvError ERR_TYPE, or ERR_VALUE naming the part and its position, counted from 1
 */
export function parseStage(text: string): Stage {
  const op = 'parseStage'
  if (typeof text !== 'string') throw new MbconvError('ERR_TYPE', `${op}: expected a string`, { op })
  const fail = (at: number, message: string): never => {
    const hint = 'A stage looks like mb_r2_k3_s2_e6_c24_se0.25.'
    throw new MbconvError('ERR_VALUE', `${op}: ${JSON.stringify(text)}, character ${at + 1}: ${message}`, { op, hint })
  }
  const [code, ...rest] = text.split('_')
  const kind = BLOCK_KINDS.find((name) => KINDS[name].code === code)
  if (kind === undefined) {
    const codes = BLOCK_KINDS.map((name) => KINDS[name].code)
    fail(0, `${JSON.stringify(code)} is no kind of block; there are ${codes.join(', ')}`)
  }
  const found = new Map<string, number>()
  let activation: ActivationName | undefined
  let at = code.length + 1
  for (const part of rest) {
    const [, letter, value] = /^([a-z]+?)(\d.*|)$/.exec(part) ?? []
    const known = PARTS.find((each) => each.letter === letter)
    if (known !== undefined) {
      if (found.has(known.field)) fail(at, `${letter} is given twice`)
      if (!/^\d+(\.\d+)?(e[+-]?\d+)?$/.test(value)) fail(at, `${JSON.stringify(part)} has no number`)
      found.set(known.field, Number(value))
    } else if (part.startsWith('a') && (ACTIVATIONS as readonly string[]).includes(part.slice(1))) {
      if (activation !== undefined) fail(at, 'the activation is given twice')
      activation = part.slice(1) as ActivationName
    } else {
      fail(at, `${JSON.stringify(part)} is not known; there are ${PARTS.map((each) => each.letter).join(', ')}, a`)
    }
    at += part.length + 1
  }
  for (const { letter, field, needed } of PARTS) {
    if (needed && !found.has(field)) fail(text.length, `${letter} (${field}) is missing`)
  }
  const number = (field: string) => found.get(field) as number
  return Object.freeze({
    ...(kind === DEFAULT_KIND ? {} : { block: kind }),
    kernel: number('kernel'),
    stride: number('stride'),
    expand: number('expand'),
    ...(found.has('expanded') ? { expanded: number('expanded') } : {}),
    channels: number('channels'),
    layers: number('layers'),
    seRatio: found.get('seRatio') ?? 0,
    ...(activation === undefined ? {} : { activation }),
  })
}
