/** Predictions of folded networks by native plans: packed weights and, for each size of image, an arena. */
import { native } from '../../native/addon'
import type { PlanHandle } from '../../native/signatures'
import { isAutocastEnabled } from '../../tensor/core/autocast'
import { isGradEnabled } from '../../tensor/core/autograd'
import type { Tensor } from '../../tensor/core/tensor'
import { callOp } from '../../tensor/ops/dispatch'
import type { Network } from './network'
import { type PlanLayers, planLayers } from './plan-layers'

interface Plan extends PlanLayers {
  handle: PlanHandle
}

// Beside the networks: a copy of a network makes its own plan.
const plans = new WeakMap<Network, Plan>()

const isSame = (a: readonly unknown[], b: readonly unknown[]) =>
  a.length === b.length && a.every((value, i) => value === b[i])

/** The plan of the network as it is now; the reason where there is none. */
function planOf(network: Network): Plan | string {
  const plan = currentPlan(network)
  if (typeof plan === 'string') disposePlanned(network)
  return plan
}

function currentPlan(network: Network): Plan | string {
  const layers = planLayers(network)
  if (typeof layers === 'string') return layers
  const known = plans.get(network)
  if (known !== undefined && isSame(known.numbers, layers.numbers) && isSame(known.tensors, layers.tensors))
    return known
  for (const { device, dtype } of layers.tensors) {
    if (device !== 'cpu') return `its weights are on ${device}: the kernels are for the CPU`
    if (dtype !== 'float32') return `its weights are ${dtype}: the kernels compute in float32`
  }
  // Packed weights are made anew when the version of a tensor changes. These have none.
  if (layers.tensors.some((tensor) => callOp('aten::is_inference', [tensor]) === true))
    return 'its weights were made in inference mode, where nothing tells that they have changed'
  disposePlanned(network)
  const plan = { ...layers, handle: native().makePlan(layers.numbers, layers.tensors) }
  plans.set(network, plan)
  return plan
}

/** Why a plan cannot compute the logits of these images; undefined if it can. */
function reasonOf(plan: Plan, x: Tensor): string | undefined {
  if (x.device !== 'cpu') return `the images are on ${x.device}`
  if (x.dtype !== 'float32') return `the images are ${x.dtype}`
  if (x.numel === 0) return 'there are no images'
  if (isGradEnabled() && (x.requiresGrad || plan.tensors.some(({ requiresGrad }) => requiresGrad)))
    return 'gradients are recorded'
  if (isAutocastEnabled('cpu')) return 'autocast is on'
  return undefined
}

/**
 * Why the network does not compute natively, in words.
 *
 * @param x the images; undefined to judge the network alone
 * @returns undefined where it does
 */
export function whyNotPlanned(network: Network, x?: Tensor): string | undefined {
  const plan = planOf(network)
  if (typeof plan === 'string') return plan
  return x === undefined ? undefined : reasonOf(plan, x)
}

/**
 * The logits of images, computed natively.
 *
 * @returns the reason where that is not possible
 */
export function runPlanned(network: Network, x: Tensor): Tensor | string {
  const plan = planOf(network)
  if (typeof plan === 'string') return plan
  return reasonOf(plan, x) ?? native().runPlan(plan.handle, x)
}

/** Frees the plan, which holds the weights that it was made from. The next prediction makes another. */
export function disposePlanned(network: Network): void {
  const plan = plans.get(network)
  if (plan === undefined) return
  plans.delete(network)
  native().disposePlan(plan.handle)
}

/** Frees packed weights and arenas. The next prediction makes them again. */
export function dropPlanned(network: Network): void {
  const plan = plans.get(network)
  if (plan !== undefined) native().dropPlan(plan.handle)
}

/** Bytes of packed weights and arenas. */
export function plannedBytes(network: Network): number {
  const plan = plans.get(network)
  return plan === undefined ? 0 : Number(native().planBytes(plan.handle))
}

/** What one step of a plan takes. */
export interface StepTime {
  /** What the step computes: `expand + depthwise`, `pointwise` … */
  kernel: string
  /** Height x width x channels, in and out. */
  shape: string
  /** Twice the products of its convolutions. */
  flops: number
  /** On all threads together, by the clock. */
  seconds: number
}

/**
 * The time of each step for the first of the images: medians over so many runs.
 *
 * @returns the reason where the network has no plan
 */
export function profilePlanned(network: Network, x: Tensor, runs: number): StepTime[] | string {
  const plan = planOf(network)
  if (typeof plan === 'string') return plan
  const reason = reasonOf(plan, x)
  if (reason !== undefined) return reason
  return native()
    .profilePlan(plan.handle, x, runs)
    .map(([kernel, shape, flops, seconds]) => ({ kernel, shape, flops, seconds }))
}
