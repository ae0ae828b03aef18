// Writes docs/operators.md: which operators of libtorch have a typed face here, and which are reached through callOp.
//
// Usage: node scripts/operators.mjs [--check]    (--check compares instead, and exits with 1 where the file is stale)
//
// Derived from the faces as they are at run time and from the names in libtorch's dispatcher: a face stands for the
// operator of its name in snake case, unless ALIASES says otherwise. test/operators.test.mjs runs the check, so that
// nothing new stays out of the table.
import { readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'

const require = createRequire(import.meta.url)
const mb = require('../dist/index.js')
const { REFUSALS, refusalOf } = require('../dist/tensor/ops/operator-refusals.js')
const FILE = fileURLToPath(new URL('../docs/operators.md', import.meta.url))
const LIMIT = '## Reached through `callOp`'

/** Faces whose operator has another name. */
const ALIASES = {
  't.unique': '_unique2',
  'mb.standardGamma': '_standard_gamma',
  'F.affineGrid': 'affine_grid_generator',
  'F.crossEntropy': 'cross_entropy_loss',
  'F.fold': 'col2im',
  'F.gridSample': 'grid_sampler',
  'F.interpolate':
    'upsample_nearest1d, upsample_nearest2d, upsample_nearest3d, upsample_linear1d, upsample_bilinear2d, ' +
    'upsample_bicubic2d, upsample_trilinear3d',
  'F.nllLoss': 'nll_loss_nd',
  'F.unfold': 'im2col',
}
/** Faces made of several operators. */
const COMPOSED = new Set(
  'F.dropPath F.softsign F.softmin F.gumbelSoftmax F.gaussianNllLoss F.normalize F.localResponseNorm'.split(' '),
)
/** Methods of Tensor that are about its memory or its graph, not its elements. */
const HOUSEKEEPING = new Set(
  'constructor itemAsync toArray toArrayAsync toTypedArray toTypedArrayAsync dispose backward'.split(' '),
)

const snake = (name) => name.replace(/([a-z0-9])([A-Z])/g, '$1_$2').toLowerCase()
// The dispatcher's own list: methods stand for internal operators too, which callOp refuses.
const all = require('../dist/native/addon.js').native().opNames()
const known = new Set(all.filter((name) => name.startsWith('aten::')).map((name) => name.slice('aten::'.length)))

/** Every face with the names its operator may have, the likeliest first. */
function* faces() {
  for (let prototype = mb.Tensor.prototype; prototype !== Object.prototype; ) {
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(prototype))) {
      if (typeof value === 'function' && !HOUSEKEEPING.has(name)) yield ['t', name, [snake(name)]]
    }
    prototype = Object.getPrototypeOf(prototype)
  }
  for (const name of Object.keys(mb.nn.functional)) yield ['F', name, [snake(name)]]
  for (const name of Object.keys(mb.linalg)) yield ['linalg', name, [`linalg_${snake(name)}`, snake(name)]]
  for (const name of Object.keys(mb.foreach)) yield ['foreach', name, [`_foreach_${snake(name)}`]]
  // What else mbconv exports need not be an operation.
  for (const [name, value] of Object.entries(mb)) {
    if (typeof value === 'function' && (known.has(snake(name)) || `mb.${name}` in ALIASES))
      yield ['mb', name, [snake(name)]]
  }
}

const shown = { t: (name) => `t.${name}`, mb: (name) => `mb.${name}`, F: (name) => `mb.nn.functional.${name}` }
const rows = new Map()
const composed = []
const strays = []
const typed = new Set()
for (const [space, name, candidates] of faces()) {
  const path = `${space}.${name}`
  const face = `\`${(shown[space] ?? ((n) => `mb.${space}.${n}`))(name)}\``
  const operator = ALIASES[path] ?? candidates.find((candidate) => known.has(candidate))
  if (COMPOSED.has(path)) composed.push(face)
  else if (operator === undefined) strays.push(path)
  else {
    for (const one of operator.split(', ')) typed.add(one)
    // An operator and its form in place share a row.
    const key = operator.replace(/_$/, '')
    const row = rows.get(key) ?? { operators: new Set(), faces: [] }
    row.operators.add(operator)
    row.faces.push(face)
    rows.set(key, row)
  }
}
if (strays.length > 0) {
  console.error(`no operator of the same name: ${strays.join(', ')}; say in scripts/operators.mjs what they stand for`)
  process.exit(1)
}

const order = (a, b) => (a.replace(/^_+/, '') < b.replace(/^_+/, '') ? -1 : 1)
const others = [...known].filter((name) => refusalOf(name) === undefined && !typed.has(name)).sort(order)
const refusals = REFUSALS.map((refusal) => ({ ...refusal, names: all.filter((name) => refusalOf(name) === refusal) }))
const letters = new Map()
for (const name of others) letters.set(name[0], [...(letters.get(name[0]) ?? []), name])
const version = mb.versions().libtorch.split('+')[0]
const count = [...rows.values()].reduce((sum, row) => sum + row.faces.length, 0)
const text = `# Operators

Made by \`node scripts/operators.mjs\`; \`npm test\` compares it with what there is. \`t\` is a tensor.

## Typed

${count} faces of ${rows.size} operators and families of libtorch, with their forms in place. Made of several: ${composed.join(', ')}.

| aten | mbconv |
|---|---|
${[...rows.keys()]
  .sort(order)
  .map((key) => `| ${[...rows.get(key).operators].sort().join(', ')} | ${rows.get(key).faces.sort().join(', ')} |`)
  .join('\n')}

${LIMIT}

The other ${others.length} operators of libtorch ${version}: \`mb.callOp('aten::name', [...])\`, with autograd, and
\`mb.opSchemas('name')\` for what they take.

${[...letters.values()].map((names) => `**${names[0][0]}** ${names.join(', ')}`).join('\n\n')}

## Refused

\`callOp\` does not call these, because they trust their callers where their arguments do not fit: they end the process,
never end, or read and write beside a tensor. \`npm run sweep:operators\` looks for them. It calls every operator above
with arguments that mostly do not fit, in child processes whose tensors have closed memory beside them;
test/golden/operators-sweep.json has its numbers and the calls that were deadly.

| what | operators | an operator of these | instead |
|---|--:|---|---|
${refusals.map(({ rule, names, reason, instead }) => `| ${rule} | ${names.length} | ${reason} | ${instead ?? ''} |`).join('\n')}

${refusals
  .filter(({ pattern }) => !pattern.test('_'))
  .map(({ rule, names }) => `**${rule}** ${names.map((name) => name.replace(/^aten::/, '')).join(', ')}`)
  .join('\n\n')}
`

if (process.argv.includes('--check')) {
  const found = readFileSync(FILE, 'utf8')
  // Another libtorch has other operators; the faces are ours.
  const same = found.includes(`operators of libtorch ${version}:`)
  const part = (whole) => (same ? whole : whole.slice(0, whole.indexOf(LIMIT)))
  if (part(found) !== part(text)) {
    console.error('docs/operators.md is stale; run: node scripts/operators.mjs')
    process.exit(1)
  }
  console.log(`docs/operators.md is up to date${same ? '' : ` as far as libtorch ${version} can tell`}`)
} else {
  writeFileSync(FILE, text)
  console.log(`${count} faces, ${others.length} operators through callOp`)
}
