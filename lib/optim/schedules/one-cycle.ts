import { z } from 'zod'
import type { CrossProblem } from '../../schema/kinds'
import { type Course, everyField, requireRange, type Schedule, type ScheduleKind } from './schedule'

/** The options of {@link oneCycle}. */
export interface OneCycleOptions {
  /** Peak learning rate. */
  lr: number
  /** Length of the whole cycle, in steps. */
  totalSteps: number
  /** Share of the steps in which the rate rises. Default 0.3. */
  pctStart?: number
  /** The peak rate divided by the initial one. Default 25. */
  divFactor?: number
  /** The initial rate divided by the final one. Default 1e4. */
  finalDivFactor?: number
  /** Default cos. */
  anneal?: 'cos' | 'linear'
  /** Fall to the initial rate as slowly as it rose, and only then to the final one. Default false. */
  threePhase?: boolean
}

/**
 * One rise to `lr` and one fall to almost nothing (Smith & Topin, arXiv:1708.07120), as torch's OneCycleLR computes it.
 * The momentum stays constant. After `totalSteps` the rate stays at its final value.
 */
export function oneCycle(options: OneCycleOptions): Schedule {
  const { lr, totalSteps, pctStart = 0.3, divFactor = 25, finalDivFactor = 1e4 } = options
  const { anneal = 'cos', threePhase = false } = options
  requireRange('lr', lr, 0)
  requireRange('totalSteps', totalSteps, 0, true)
  requireRange('pctStart', pctStart, 0)
  requireRange('1 - pctStart', 1 - pctStart, 0)
  requireRange('divFactor', divFactor, 0, true)
  requireRange('finalDivFactor', finalDivFactor, 0, true)
  const initial = lr / divFactor
  const final = initial / finalDivFactor
  const rise = pctStart * totalSteps - 1
  const end = totalSteps - 1
  const phases = threePhase
    ? [
        { end: rise, from: initial, to: lr },
        { end: 2 * pctStart * totalSteps - 2, from: lr, to: initial },
        { end, from: initial, to: final },
      ]
    : [
        { end: rise, from: initial, to: lr },
        { end, from: lr, to: final },
      ]
  const between = (from: number, to: number, share: number) =>
    anneal === 'cos' ? to + ((from - to) / 2) * (Math.cos(Math.PI * share) + 1) : (to - from) * share + from
  return (step) => {
    let start = 0
    let phase = phases[0]
    for (const [i, next] of phases.entries()) {
      if (i > 0) start = phase.end
      phase = next
      if (step <= next.end) break
    }
    const length = phase.end - start
    return between(phase.from, phase.to, length > 0 ? Math.min(1, (step - start) / length) : 1)
  }
}

const schema = z.strictObject({
  name: z.literal('oneCycle').describe('one rise and one fall over the whole run'),
  every: everyField(),
  pctStart: z.number().min(0).max(1).default(0.3).describe('share of the steps in which the rate rises'),
  divFactor: z.number().min(1).max(1e9).default(25).describe('optimizer.lr over the initial rate'),
  finalDivFactor: z.number().min(1).max(1e9).default(1e4).describe('initial rate over the final one'),
  anneal: z.enum(['cos', 'linear']).default('cos').describe('along a cosine, or in a line'),
  threePhase: z.boolean().default(false).describe('fall as slowly as it rose, then to the final rate'),
})

/** The entry in kinds.ts. It has no warm-up besides its own rise. */
export const oneCycleKind = {
  schema,
  make: ({ name, every, ...options }: z.output<typeof schema>, { lr, totalSteps }: Course) =>
    oneCycle({ ...options, lr, totalSteps }),
  check: ({ threePhase, pctStart }: Record<string, unknown>): CrossProblem[] =>
    threePhase === true && typeof pctStart === 'number' && pctStart > 0.5
      ? [{ path: ['pctStart'], message: 'must be at most 0.5 with threePhase' }]
      : [],
} satisfies ScheduleKind
