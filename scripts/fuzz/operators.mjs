// The part of the fuzz that calls operators of libtorch's dispatcher through callOp.
import { build, chooser, describeCall, parseSchema } from '../sweep-operators/arguments.mjs'
import { beginContext } from './context.mjs'
import { spoil } from './fitting.mjs'
import { callbackMaker, hostileMakers } from './hostile.mjs'

/** Values that run code while they are read. */
const READ = [
  'list whose element disposes',
  'list whose element throws',
  'list whose element empties it',
  'throwing proxy',
]

export default function (mb, { seed, only, remember, judge }) {
  const pattern = new RegExp(only ?? '')
  const schemas = mb
    .opNames()
    .filter((name) => pattern.test(name))
    .flatMap((name) => mb.opSchemas(name))
    .map(parseSchema)

  function attempt(random, note, depth, name, description) {
    const { pick, chance } = random
    const graphs = []
    const context = {
      ...beginContext({ random, remember }),
      lists: () => [args],
      graphs: () => graphs.filter((t) => !t.isDisposed),
      again: () => {
        if (depth < 2) attempt(random, note, depth + 1, ...pickCall(random))
      },
    }
    context.callback = callbackMaker(mb, context)
    context.hostile = hostileMakers(mb, context)
    let args = []

    const through = mb.autogradFunction({ forward: (_, x) => x.mul(1), backward: (_, g) => context.callback()(g) })
    const isReal = (value) =>
      value instanceof mb.Tensor && !value.isDisposed && /^(b?float(16|32|64))$/.test(value.dtype)

    /** Uses the result: backward through it, or through a function whose own backward calls back. */
    function use(result) {
      if (Array.isArray(result)) for (const one of result) use(one)
      if (!(result instanceof mb.Tensor) || result.isDisposed || result.numel > 2 ** 20) return
      if (!result.requiresGrad) return void result.clone()
      graphs.push(result)
      if (chance(0.5)) return result.sum().backward()
      through(result).sum().backward()
    }

    try {
      mb.scope(() => {
        const owned = (value) => (value instanceof mb.Tensor ? context.own(value) : value)
        args = description.args.map((value) => owned(build(value, mb.callOp)))
        const kwargs = Object.fromEntries(
          Object.entries(description.kwargs).map(([key, value]) => [key, owned(build(value, mb.callOp))]),
        )
        // Backward through callbacks.
        if (chance(0.4))
          args = args.map((arg) => (isReal(arg) && chance(0.6) ? through(arg.detach().requiresGrad_()) : arg))
        if (chance(0.15)) args.splice(Math.floor(random.next() * args.length), 1, context.hostile(pick(READ)))
        const wrong = pick([0, 0, 0, 1, 1, 2])
        for (let i = 0; i < wrong; i++) spoil(context, args)
        if (chance(0.05)) spoil(context, [kwargs])
        note(name, description, depth)
        use(mb.callOp(chance(0.98) ? name : context.hostile(), chance(0.98) ? args : context.hostile(), kwargs))
      })
    } catch (error) {
      judge(error)
    }
    context.disposeAll()
  }

  function pickCall(random) {
    const { name, parameters } = random.pick(schemas)
    return [name, describeCall(random, name, parameters)]
  }

  return async (index, note) => {
    const random = chooser(`${seed} operators ${index}`)
    mb.manualSeed(index)
    attempt(random, note, 0, ...pickCall(random))
  }
}
