// The part of the fuzz that calls the public API.
import { chooser } from '../sweep-operators/arguments.mjs'
import { beginContext, isObject } from './context.mjs'
import { fitter, spoil } from './fitting.mjs'
import { callbackMaker, hostileMakers } from './hostile.mjs'
import { FITTING, findTargets, INSTANCES, OFTEN, RARE, tinyArch, writeFiles } from './targets.mjs'

/** Maximum depth of calls from callbacks. */
const DEPTH = 2

/** Faults that replace zeros(), to test that the fuzz finds them. */
const BROKEN = {
  aborts: () => () => process.abort(),
  exits: () => () => process.exit(7),
  'never settles': () => () => new Promise(() => {}),
  leaks: (mb) => () => void mb.keep(mb.ones([3])),
  'throws a TypeError': () => () => {
    throw new TypeError('no code')
  },
  'rejects unseen': () => () => void Promise.reject(new Error('unseen')),
}

export default function (mb, { seed, signatures, only, broken, remember, judge }) {
  writeFiles(mb)
  const sample = mb.models.create(tinyArch(mb), { init: 'none', numClasses: 2 })
  const targets = findTargets(mb, sample)
    .filter(({ name }) => only === undefined || new RegExp(only).test(name))
    .flatMap((target) => Array.from({ length: OFTEN[target.name] ?? 1 }, () => target))
  sample.dispose()
  const zeros = targets.find(({ name }) => name === 'zeros')
  if (broken !== undefined) zeros.fn = BROKEN[broken](mb)

  const paramsOf = ({ path, how, key }) => {
    const signature = signatures[path]
    return how === 'method' ? signature?.methods?.[key] : (signature?.params ?? signature?.construct)
  }

  /** Makes one call, including the calls of its callbacks. `note` receives each call before it is made. */
  function attempt(random, note, depth, promises) {
    const { pick, chance } = random
    const lists = []
    const graphs = []
    const inner = []
    const context = {
      ...beginContext({ random, remember }),
      list: (list) => {
        lists.push(list)
        return list
      },
      graph: (t) => {
        graphs.push(t)
        return t
      },
      lists: () => lists,
      graphs: () => graphs.filter((t) => !t.isDisposed),
      again: () => {
        if (depth < DEPTH) inner.push(attempt(random, note, depth + 1, promises))
      },
      network: () => context.own(mb.models.create(tinyArch(mb), { init: 'none', numClasses: 2 })),
      instance: (name) => {
        const make = INSTANCES[name]
        if (make === undefined) return undefined
        const value = make(mb, context)
        // GPU objects are empty shells on a machine without a GPU.
        return typeof value?.dispose === 'function' && !/^(Graph|Event|Stream)$/.test(name) ? context.own(value) : value
      },
    }
    context.callback = callbackMaker(mb, context)
    context.hostile = hostileMakers(mb, context)
    const { tensor, args: fittingArgs } = fitter(mb, context)
    context.tensor = tensor

    /** Formats a value for the log. Reads only own values, so that no foreign code runs. */
    const shown = (value, level = 0) => {
      if (context.isHostile(value)) return context.labelOf(value)
      if (typeof value === 'function') return 'function'
      if (typeof value === 'string') return value.length > 60 ? `text of ${value.length}` : value
      if (!isObject(value)) return Object.is(value, -0) ? '-0' : String(value)
      if (value instanceof mb.Tensor) return value.isDisposed ? 'disposed' : `${value.dtype}[${value.shape}]`
      if (level > 2) return '…'
      if (Array.isArray(value)) return value.slice(0, 8).map((one) => shown(one, level + 1))
      if (Object.getPrototypeOf(value) !== Object.prototype) return Object.prototype.toString.call(value)
      return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, shown(one, level + 1)]))
    }

    let target = pick(targets)
    for (let tries = 0; tries < 5 && !chance(RARE[target.path] ?? 1); tries++) target = pick(targets)
    const params = paramsOf(target)
    let self
    let args
    const build = () => {
      const template = FITTING[target.path]
      if (target.how === 'get') args = []
      else if (target.how === 'set') args = [chance(0.5) ? tensor() : context.hostile()]
      else if (template !== undefined && target.how !== 'method' && chance(0.8)) args = template(random, mb, context)
      else if (params === undefined || chance(0.05))
        args = Array.from({ length: pick([0, 1, 2, 3]) }, () => context.hostile())
      else args = fittingArgs(params)
      const wrong = pick([0, 0, 1, 1, 1, 2, 5])
      for (let i = 0; i < wrong; i++) spoil(context, args)
      if (target.class !== undefined) {
        self = chance(0.9)
          ? context.instance(target.class)
          : chance(0.5)
            ? context.instance(pick(['Tensor', 'Linear']))
            : context.hostile()
      }
    }
    const perform = () => {
      const { how, key, fn } = target
      if (how === 'call' || how === 'construct') return fn(...args)
      // Call the inherited accessor, whatever `this` is.
      const sound = context.instance(target.class)
      let at = sound
      while (at !== null && !Object.hasOwn(at, key)) at = Object.getPrototypeOf(at)
      const { value, get, set } = Object.getOwnPropertyDescriptor(at ?? {}, key) ?? {}
      if (how === 'method') return value?.apply(self, args)
      return how === 'get' ? get?.call(self) : set?.call(self, args[0])
    }

    /** Uses the result, which may be a function, an iterator, a network, a graph. */
    const use = (result, level = 0) => {
      if (context.isHostile(result)) return
      if (result instanceof Promise) {
        promises.push(
          result.then(async (value) => {
            context.own({ dispose: () => disposeResult(value) })
          }, judge),
        )
      } else if (result instanceof mb.Tensor) {
        if (result.isDisposed) return
        if (result.requiresGrad && chance(0.5) && result.numel < 1e6) result.sum().backward()
        else if (result.numel < 1e4) String(result.toArray().length)
      } else if (level > 2) return
      else if (typeof result === 'function')
        use(result(...(target.path === 'autogradFunction' ? [tensor(), tensor()] : [tensor()])), level + 1)
      else if (result instanceof mb.nn.Module) {
        // The base class does not implement forward.
        if (typeof result.forward === 'function') use(result.forward(own4d()), level + 1)
      } else if (typeof result?.step === 'function') result.step()
      else if (typeof result?.[Symbol.iterator] === 'function' && typeof result.next === 'function') {
        for (let i = 0; i < 3 && !result.next().done; i++);
        result.return?.()
      } else if (typeof result?.[Symbol.asyncIterator] === 'function') promises.push(follow(result))
      else if (Array.isArray(result)) for (const one of result.slice(0, 3)) use(one, level + 1)
    }
    const own4d = () => context.own(mb.rand([2, pick([2, 3]), 8, 8]))
    const follow = async (iterable) => {
      try {
        let count = 0
        for await (const _ of iterable) if (++count > 5) break
        await iterable.result
      } catch (error) {
        judge(error)
      }
    }
    const disposeResult = (result, level = 0) => {
      if (typeof result !== 'object' || result === null || level > 3 || context.isHostile(result)) return
      // Made by the constructor alone, these have no content that could be disposed.
      if (typeof result.dispose === 'function') {
        if (!/^(Tensor|cuda\.Graph)$/.test(target.path)) result.dispose()
      } else if (Array.isArray(result)) for (const one of result) disposeResult(one, level + 1)
      else if (Object.getPrototypeOf(result) === Object.prototype)
        for (const one of Object.values(result)) disposeResult(one, level + 1)
    }

    let result
    try {
      mb.scope(() => {
        build()
        note(target.name, shown(args), depth)
        result = perform()
        use(result)
      })
    } catch (error) {
      judge(error)
    }
    return () => {
      for (const finish of inner) finish()
      if (target.path === 'threads.send') mb.threads.cancel(result)
      disposeResult(result)
      context.disposeAll()
    }
  }

  return async (index, note) => {
    const random = chooser(`${seed} ${index}`)
    const promises = []
    mb.manualSeed(index)
    const finish = attempt(random, note, 0, promises)
    for (const promise of promises) await promise
    finish()
  }
}
