// Writes docs/operators.md: which of libtorch's operators have a typed API here, and which are reached through callOp.
//
// Usage: node scripts/operators.mjs [--check]    (--check only compares, and exits with 1 if the file is out of date)
//
// Derived from the exports at run time and the names in libtorch's dispatcher. An export stands for the operator of its
// name in snake case, unless ALIASES says otherwise. test/operators.test.mjs runs the check, so that the table stays
// complete.
import { readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { namesSection } from './operator-names.mjs'

const require = createRequire(import.meta.url)
const mb = require('../dist/index.js')
const { REFUSALS, refusalOf } = require('../dist/tensor/ops/operator-refusals.js')
const FILE = fileURLToPath(new URL('../docs/operators.md', import.meta.url))
const LIMIT = '## Reached through `callOp`'

/** Methods that convert to one dtype or device. */
const CONVERSIONS = 'float double half bfloat16 long int short char byte bool cpu cuda'.split(' ')

/** Exports whose operator has another name. */
const ALIASES = {
  ...Object.fromEntries(CONVERSIONS.map((name) => [`t.${name}`, 'to'])),
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
/** Exports made of several operators. */
const COMPOSED = new Set(
  'F.dropPath F.softsign F.softmin F.gumbelSoftmax F.gaussianNllLoss F.normalize F.localResponseNorm'.split(' '),
)
/** Methods of Tensor that concern its memory or its graph, not its elements. */
const HOUSEKEEPING = new Set(
  (
    'constructor itemAsync toArray toArrayAsync toTypedArray toTypedArrayAsync dispose backward toString toJSON ' +
    'elementSize registerHook'
  ).split(' '),
)

const snake = (name) => name.replace(/([a-z0-9])([A-Z])/g, '$1_$2').toLowerCase()
// The dispatcher's own list: methods also stand for internal operators, which callOp refuses.
const all = require('../dist/native/addon.js').native().opNames()
const known = new Set(all.filter((name) => name.startsWith('aten::')).map((name) => name.slice('aten::'.length)))

/** Every typed export with the possible names of its operator, the most likely first. */
function* faces() {
  for (let prototype = mb.Tensor.prototype; prototype !== Object.prototype; ) {
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(prototype))) {
      if (typeof value === 'function' && !HOUSEKEEPING.has(name)) yield ['t', name, [snake(name)]]
    }
    prototype = Object.getPrototypeOf(prototype)
  }
  for (const name of Object.keys(mb.nn.functional)) yield ['F', name, [snake(name)]]
  for (const name of Object.keys(mb.linalg)) yield ['linalg', name, [`linalg_${snake(name)}`, snake(name)]]
  for (const name of Object.keys(mb.fft)) yield ['fft', name, [`fft_${snake(name)}`]]
  for (const name of Object.keys(mb.foreach)) yield ['foreach', name, [`_foreach_${snake(name)}`]]
  // Other exports of mbconv need not be operations.
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
    // An operator and its in-place form share a row.
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

This page is generated by \`node scripts/operators.mjs\`, and \`npm test\` checks that it is up to date. libtorch calls its
operations *operators*; most belong to its library \`aten\`. In the tables, \`t\` stands for a tensor.

## Functions and methods

${count} functions and methods of mbconv call ${rows.size} operators of libtorch, where variants of an operator count once. An operator and
its in-place form, whose name ends with \`_\`, share a row. These functions consist of several operators: ${composed.join(', ')}.

| operator of aten | function or method of mbconv |
|---|---|
${[...rows.keys()]
  .sort(order)
  .map((key) => `| ${[...rows.get(key).operators].sort().join(', ')} | ${rows.get(key).faces.sort().join(', ')} |`)
  .join('\n')}

${namesSection(mb, (name) => known.has(name) && refusalOf(name) === undefined)}
${LIMIT}

\`mb.callOp('aten::name', [...])\` calls these ${others.length} further operators of libtorch ${version}, with autograd.

\`\`\`js
mb.opSchemas('sum')                                        // the arguments of each overload, as text
mb.callOp('aten::polygamma', [2, x])                       // arguments in the order of the schema
mb.callOp('aten::add', [x, y], { alpha: 3 })               // keyword arguments, those after * in the schema
mb.callOp('aten::sum.dim_IntList', [x, [0]])               // one overload; otherwise the first that takes the arguments
\`\`\`

Dtypes, devices and memory formats are given as strings, for example \`{ dtype: 'float64' }\`.

${[...letters.values()].map((names) => `**${names[0][0]}** ${names.join(', ')}`).join('\n\n')}

## Refused

\`callOp\` refuses these operators, because they do not check their arguments and rely on their callers. With invalid
arguments they end the process, never return, or access memory outside a tensor.

Such operators are searched for by \`npm run sweep:operators\`. It calls every operator that \`callOp\` accepts with mostly
invalid arguments, in child processes where the memory around each tensor is protected. An operator that ends a process is
added to the table below. test/golden/operators-sweep.json has the numbers and the calls that ended a process.

| group | number of operators | each of them … | what to use instead |
|---|--:|---|---|
${refusals.map(({ rule, names, reason, instead }) => `| ${rule} | ${names.length} | ${reason} | ${instead ?? 'no replacement'} |`).join('\n')}

${refusals
  .filter(({ pattern }) => !pattern.test('_'))
  .map(({ rule, names }) => `**${rule}** ${names.map((name) => name.replace(/^aten::/, '')).join(', ')}`)
  .join('\n\n')}
`

if (process.argv.includes('--check')) {
  const found = readFileSync(FILE, 'utf8')
  // Another libtorch has other operators; the exports stay the same.
  const same = found.includes(`operators of libtorch ${version},`)
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
