/** Recomputation: activations are not kept, but computed again in the backward pass. */
import { checkFunction } from '../../errors/check'
import { MbconvError } from '../../errors/error'
import { captureAutocast } from './autocast'
import { enableGrad } from './autograd'
import { autogradFunction } from './autograd-function'
import { empty } from './create'
import { getRandomState, setRandomState } from './random'
import { scope } from './scope'
import { Tensor } from './tensor'

/**
 * How deep recomputation may be nested, and how deep it is now. Each level takes stack space of the JavaScript thread
 * and of libtorch, which has the same limit (torch::autograd::MAX_DEPTH).
 */
const DEEPEST = 60
let depth = 0
/** How many second runs are under way, one inside another. */
let secondRuns = 0

/**
 * Whether a function of {@link recompute} is running for the second time. Then it must not repeat side effects, such as
 * the update of running statistics.
 */
export const isRecomputing = (): boolean => secondRuns > 0

/**
 * Runs `fn` without keeping the activations that its gradient needs, and runs it again during backward(). This saves
 * memory and costs time. PyTorch calls it `torch.utils.checkpoint.checkpoint`; `mb.checkpoint` is another name of this
 * function.
 *
 * @param fn Maps tensors to one tensor. It must do the same both times; random numbers and autocast are repeated, and
 *   batch norms update their statistics only the first time. It runs in a scope of its own, which frees everything that it makes and does not return.
 * @param inputs The tensors that the gradient flows to, besides the parameters that `fn` closes over.
 * @throws MbconvError ERR_AUTOGRAD when nested in 60 others
 */
export function recompute(fn: (...inputs: Tensor[]) => Tensor, ...inputs: Tensor[]): Tensor {
  const op = 'recompute'
  checkFunction(op, 'fn', fn)
  if (!inputs.every((input) => input instanceof Tensor))
    throw new MbconvError('ERR_TYPE', `${op}: inputs must be tensors`, { op })
  if (depth === DEEPEST) {
    throw new MbconvError('ERR_AUTOGRAD', `${op}: recomputation is nested more than ${DEEPEST} deep`, {
      op,
      hint: 'Recompute several layers in one call.',
    })
  }
  let randomState: Uint8Array
  let inSameMode: ReturnType<typeof captureAutocast>
  const wanted = inputs.map((tensor) => tensor.requiresGrad)
  const recomputed = autogradFunction({
    forward(context, _trigger, ...tensors) {
      randomState = getRandomState()
      inSameMode = captureAutocast('cpu')
      context.save(...tensors)
      depth++
      try {
        return scope(() => fn(...tensors))
      } finally {
        depth--
      }
    },
    backward(context, gradient) {
      const now = getRandomState()
      setRandomState(randomState)
      secondRuns++
      try {
        return scope(() => {
          const tensors = context.saved.map((tensor, i) => tensor.detach().requiresGrad_(wanted[i]))
          const output = enableGrad(() => inSameMode(() => fn(...tensors)))
          output.backward(gradient)
          return [null, ...tensors.map((tensor) => tensor.grad)]
        })
      } finally {
        secondRuns--
        setRandomState(now)
      }
    },
  })
  // Parameters that `fn` closes over are not among the inputs. This tensor requires a gradient, so that backward() gets
  // here even if no input requires one.
  const trigger = empty([0], { requiresGrad: true })
  try {
    return recomputed(trigger, ...inputs) as Tensor
  } finally {
    trigger.dispose()
  }
}
