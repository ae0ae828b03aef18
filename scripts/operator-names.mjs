// The section of docs/operators.md on the names of torch that timm and torchvision use most
// (test/golden/operator-names.json, counted by scripts/goldens/operator_names.py): what stands for each here.
import { readFileSync } from 'node:fs'

const GOLDEN = new URL('../test/golden/operator-names.json', import.meta.url)

/**
 * Names whose counterpart is called otherwise: the path of the export, and the call where the path says too little. In
 * paths `t` is a tensor and `module` a module.
 */
const SPELLINGS = {
  'Tensor.data': ['t.detach'],
  'Tensor.ndimension': ['t.dim'],
  'Tensor.numpy': ['t.toTypedArray'],
  'Tensor.tolist': ['t.toArray'],
  'torch.ByteTensor': ['mb.tensor', "mb.tensor(data, { dtype: 'uint8' })"],
  'torch.LongTensor': ['mb.tensor', "mb.tensor(data, { dtype: 'int64' })"],
  'torch.from_numpy': ['mb.fromTypedArray'],
  'torch.scalar_tensor': ['mb.tensor'],
  'torch.autograd.Function': ['mb.autogradFunction'],
  'torch.cuda.is_available': ['mb.cuda.isAvailable'],
  'torch.optim.Optimizer': ['mb.optim.Optimizer'],
  'torch.load': ['mb.io.pth.read'],
  'torch.save': ['mb.io.safetensors.write'],
  'torch.utils.checkpoint.checkpoint': ['mb.checkpoint'],
  'torch.nn.functional.one_hot': ['mb.oneHot'],
  'torch.nn.Parameter': ['module.registerParameter', "module.registerParameter('weight', t)"],
  'torch.nn.init.constant_': ['t.fill_', 't.fill_(value)'],
  'torch.nn.init.normal_': ['t.normal_'],
  'torch.nn.init.ones_': ['t.fill_', 't.fill_(1)'],
  'torch.nn.init.uniform_': ['t.uniform_'],
  'torch.nn.init.zeros_': ['t.zero_'],
  'Module.add_module': ['module.registerModule'],
}

const camel = (name) => name.replace(/_([a-z0-9])/g, (_, letter) => letter.toUpperCase())

/** What stands behind a path, as `mb.linalg.inv`, `t.add` or `module.eval`: its kind, or undefined. */
export function kindOf(mb, path) {
  const [root, ...keys] = path.split('.')
  if (root === 'mb') {
    let value = mb
    for (const key of keys) {
      if (value === null || value === undefined || !Object.hasOwn(value, key)) return undefined
      value = value[key]
    }
    return typeof value
  }
  const prototypes = { t: mb.Tensor, module: mb.nn.Module }
  for (let at = prototypes[root].prototype; at !== null && at !== Object.prototype; at = Object.getPrototypeOf(at)) {
    const found = Object.getOwnPropertyDescriptor(at, keys[0])
    if (found !== undefined) return found.get === undefined ? typeof found.value : 'property'
  }
  return undefined
}

/** The paths where an export of the same name would be, the likeliest first. */
function pathsOf(name) {
  const [, space, last] = /^(.*)\.([^.]+)$/.exec(name)
  const own = camel(last)
  switch (space) {
    case 'Tensor':
      return [`t.${own}`]
    case 'Module':
      return [`module.${own}`]
    case 'torch':
      return [`mb.${own}`, `t.${own}`, `mb.linalg.${own}`, `mb.nn.functional.${own}`]
    default:
      return [`mb${space.slice('torch'.length)}.${own}`]
  }
}

/**
 * Each name with its uses and what stands for it: { name, uses, status, here }. `status` is typed, callOp or absent.
 *
 * @param callable Whether callOp accepts an operator of aten.
 */
export function standing(mb, callable) {
  return JSON.parse(readFileSync(GOLDEN, 'utf8')).names.map(([name, timm, torchvision]) => {
    const uses = timm + torchvision
    const same = pathsOf(name).find((path) => kindOf(mb, path) !== undefined)
    const [path, text] = same === undefined ? (SPELLINGS[name] ?? []) : [same]
    if (path !== undefined) {
      if (kindOf(mb, path) === undefined) throw new Error(`SPELLINGS: there is no ${path}, given for ${name}`)
      return { name, uses, status: 'typed', path, here: `\`${text ?? path}\`` }
    }
    const operator = name.slice(name.lastIndexOf('.') + 1)
    if (/^(Tensor|torch|torch\.nn\.functional)\.[^.]+$/.test(name) && callable(operator))
      return { name, uses, status: 'callOp', here: `\`mb.callOp('aten::${operator}', …)\`` }
    return { name, uses, status: 'absent', here: '' }
  })
}

export function namesSection(mb, callable) {
  const rows = standing(mb, callable)
  const count = (status) => rows.filter((row) => row.status === status).length
  return `## The names that PyTorch's image libraries use most

scripts/goldens/operator_names.py counts the names of PyTorch in the sources of timm 1.0.29 and torchvision 0.28. Its rules
say what counts. Of the ${rows.length} names used most, ${count('typed')} have a typed function, class, method or property here, ${count('callOp')} are reached through
\`mb.callOp\`, and ${count('absent')} are absent. \`t\` stands for a tensor, and \`module\` for a module.

| name in PyTorch | uses | status | here |
|---|--:|---|---|
${rows.map(({ name, uses, status, here }) => `| ${name} | ${uses} | ${status} | ${here} |`).join('\n')}
`
}
