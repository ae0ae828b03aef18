// Makes arguments that fit a signature (signatures.mjs), as far as types tell.

const SHAPES = [[], [1], [3], [2, 3], [3, 3], [0, 3], [2, 3, 4], [1, 4, 5, 5], [2, 3, 6, 6], [1, 2, 3, 4, 5]]
const NUMBERS = [0, 1, 2, 3, -1, 1, 2, 0.5, -0, 5]
const DTYPES = ['float64', 'int64', 'int32', 'bool', 'uint8', 'float16', 'bfloat16', 'complex64', 'complex128']
/** Files that the child has made in its folder, and some that do not exist. */
const PATHS = ['w.safetensors', 'w.pth', 'picture.png', 'text.txt', 'folder', 'missing', 'missing/deep/file', 'out.bin']
PATHS.push('config.yaml', 'labels.idx', 'images.idx', 'empty', 'link')

export function fitter(mb, context) {
  const { random, own, instance } = context
  const { pick, chance } = random
  // Mostly one shape per call, so that shapes that must agree often do.
  const shape = pick(SHAPES)

  function tensor() {
    const dtype = chance(0.75) ? 'float32' : pick(DTYPES)
    const size = chance(0.7) ? shape : pick(SHAPES)
    const requiresGrad = /^(float(32|64)|bfloat16)$/.test(dtype) && chance(0.3)
    if (!/^(float(32|64))$/.test(dtype)) return own(mb.ones(size, { dtype }))
    const leaf = own(chance(0.8) ? mb.rand(size, { dtype, requiresGrad }) : mb.zeros(size, { dtype, requiresGrad }))
    if (!requiresGrad || chance(0.4)) return leaf
    if (chance(0.5)) return context.graph(own(leaf.mul(2)))
    // A graph whose backward pass leads through a callback.
    const back = context.callback()
    const through = mb.autogradFunction({
      forward: (saving, x) => {
        saving.save(x)
        return x.mul(2)
      },
      backward: (_saving, gradient) => back(gradient),
    })
    return context.graph(own(through(leaf)))
  }

  function text(name) {
    if (/path|file|folder|dir|image|weights|input|output|source|^to$|^from$/i.test(name)) return pick(PATHS)
    if (/device/i.test(name)) return pick(['cpu', 'cpu', 'cpu', 'cuda', 'auto'])
    if (/equation/i.test(name)) return pick(['ij,jk->ik', 'ii', '...i->...', 'ij->ji', 'i,,'])
    if (/model|arch|^name$/i.test(name)) return pick(['efficientnet_b0', 'mobilenet_v2', 'efficientnet_b9', 'silu'])
    return pick(['x', 'mean', 'sum', 'none', 'constant', 'reflect', 'nearest', 'bilinear', 'aten::add', 'relu'])
  }

  function number(name) {
    if (/seed/i.test(name)) return pick([0, 1, 7n, 2n ** 64n - 1n])
    if (/^(dim|axis)/i.test(name)) return pick([0, 1, -1, 2])
    return pick(NUMBERS)
  }

  function fit(type, name = '') {
    switch (type.kind) {
      case 'number':
        return number(name)
      case 'string':
        return text(name)
      case 'boolean':
        return chance(0.5)
      case 'bigint':
        return pick([0n, 1n, 5n])
      case 'literal':
        return type.value
      case 'null':
        return null
      case 'undefined':
        return undefined
      case 'union': {
        // Prefer arrays of numbers, which are sizes, to omitted options.
        return fit(pick(type.of), name)
      }
      case 'array': {
        if (type.of.kind === 'number' && /shape|size/i.test(name)) return [...(chance(0.7) ? shape : pick(SHAPES))]
        const list = Array.from({ length: pick([1, 2, 2, 3, shape.length]) }, () => fit(type.of, name))
        return context.list(list)
      }
      case 'tuple':
        return type.of.map((part) => fit(part, name))
      case 'typed':
        return new globalThis[type.name](pick([0, 1, 6, 24]))
      case 'record':
        return { a: fit(type.of, name), b: fit(type.of, name) }
      case 'object':
        return Object.fromEntries(
          type.of.flatMap(({ name: key, optional, type: value }) =>
            optional && chance(0.6) ? [] : [[key, fit(value, key)]],
          ),
        )
      case 'function':
        return context.callback()
      case 'instance':
        if (type.name === 'Tensor') return tensor()
        return instance(type.name) ?? context.hostile()
      default:
        return chance(0.4) ? tensor() : context.hostile()
    }
  }

  return {
    tensor,
    fit,
    /** Arguments for parameters. Sometimes omits optional ones at the end. */
    args(params) {
      const list = []
      for (const { name, type, optional, rest } of params) {
        if (rest) for (let i = pick([0, 1, 2, 3]); i > 0; i--) list.push(fit(type, name))
        else if (optional && chance(0.4)) break
        else list.push(fit(type, name))
      }
      return list
    },
  }
}

/** Replaces one value in the arguments, at any depth of their arrays and objects. */
export function spoil({ random, hostile, isHostile }, args) {
  const { pick, chance } = random
  let at = args
  let key = Math.floor(random.next() * (args.length + 1))
  for (let depth = 0; depth < 4; depth++) {
    const value = at[key]
    const plain =
      typeof value === 'object' &&
      value !== null &&
      !isHostile(value) &&
      (Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype)
    const keys = plain ? Object.keys(value).filter((one) => 'value' in Object.getOwnPropertyDescriptor(value, one)) : []
    if (keys.length === 0 || Object.isFrozen(value) || chance(0.4)) break
    at = value
    key = pick(keys)
  }
  if (chance(0.1) && at !== args) delete at[key]
  else at[key] = hostile()
}
