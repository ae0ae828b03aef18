// The rooms of the house: imports run one way between folders, no file waits for itself to be loaded, no folder is full.
import fs from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { circlesOf, folderGraph, groupBy, nativeGraph, typescriptGraph } from './helpers/imports.mjs'
import { INTERNALS } from './helpers/internals.mjs'

const root = path.join(import.meta.dirname, '..')
process.chdir(root)

/** More than these directly in one folder, and nobody finds anything. */
const MOST_FILES = 16

const graphs = { lib: typescriptGraph('lib'), native: nativeGraph('native') }

/** The imports that close a circle of folders, for the message. */
const closing = (graph, circle) =>
  graph.edges
    .filter(({ from, to }) => circle.includes(from) && circle.includes(to))
    .map(({ files }) => `${files.from} -> ${files.to}`)
    .sort()

for (const [name, graph] of Object.entries(graphs)) {
  t.test(`${name}: imports, those of types too, run one way between folders`, async (t) => {
    t.ok(graph.edges.length > 40, `${graph.edges.length} imports`)
    const folders = folderGraph(graph)
    for (const circle of circlesOf(folders)) t.same(closing(folders, circle), [], circle.join(', '))
  })

  t.test(`${name}: no circle of files that load each other`, async (t) => {
    const values = { ...graph, edges: graph.edges.filter(({ value }) => value) }
    t.same(circlesOf(values), [])
  })

  t.test(`${name}: at most ${MOST_FILES} files directly in a folder`, async (t) => {
    const folders = groupBy(graph.files, (file) => path.dirname(file))
    for (const [folder, files] of folders) t.ok(files.length <= MOST_FILES, `${folder}: ${files.length}`)
  })
}

/** The calls of Node-API in C++ source text, comments apart. */
const rawCalls = (text) => text.replace(/\/\/.*$/gm, '').match(/\bnapi_[a-z0-9_]+\s*\(/g) ?? []

t.test('native: one file calls Node-API itself, the others node-addon-api', async (t) => {
  const calling = graphs.native.files.filter((file) => rawCalls(fs.readFileSync(file, 'utf8')).length > 0)
  t.same(calling, ['native/binding/wrap.cc'])
})

t.test('native: every topic is in the table of addon.cc, and every file in CMakeLists.txt', async (t) => {
  const sources = graphs.native.files.filter((file) => file.endsWith('.cc'))
  const topics = sources.flatMap((file) =>
    [...fs.readFileSync(file, 'utf8').matchAll(/^void init(\w+)\(const Exports& exports\)/gm)].map(([, name]) => name),
  )
  const table = [...fs.readFileSync('native/addon.cc', 'utf8').matchAll(/^ {2}TOPIC\((\w+)\)/gm)].map(
    ([, name]) => name,
  )
  t.ok(topics.length > 20, `${topics.length} topics`)
  t.same(table.sort(), topics.sort())
  const listed = fs.readFileSync('CMakeLists.txt', 'utf8').match(/(?<=[\s(])native\/[\w/-]+\.cc/g)
  t.same([...new Set(listed)].sort(), sources)
})

t.test('what the checks refuse, they find', async (t) => {
  const edge = (from, to, value = true) => ({ from, to, value })
  const graph = { files: ['a/x', 'a/y', 'b/z'], edges: [edge('a/x', 'b/z'), edge('b/z', 'a/y', false)] }
  t.same(circlesOf(graph), [], 'no circle of files')
  t.same(circlesOf(folderGraph(graph)), [['a', 'b']], 'but one of folders, closed by a type')
  t.same(circlesOf({ files: ['x', 'y', 'z'], edges: [edge('x', 'y'), edge('y', 'z'), edge('z', 'x')] }), [
    ['x', 'y', 'z'],
  ])
  t.same(rawCalls('check(napi_typeof(env, value)); // napi_wrap()\n napi_value value; object.napi_x'), ['napi_typeof('])
})

t.test('a test names at most one file of dist/ beside the public face; more stand in one table', async (t) => {
  const { bin, exports } = JSON.parse(fs.readFileSync('package.json', 'utf8'))
  const entries = JSON.stringify([bin, exports])
  const isPublic = (name) => entries.includes(name)
  const table = 'test/helpers/internals.mjs'
  const files = fs.readdirSync('test', { recursive: true }).map((name) => path.join('test', name))
  const sources = files.filter((file) => /\.[cm]?js$/.test(file) && file !== table)
  t.ok(sources.length > 100, `${sources.length} files`)
  const used = new Set()
  for (const file of sources) {
    const text = fs.readFileSync(file, 'utf8')
    const named = [...text.matchAll(/dist\/[\w./-]+\.[cm]?js\b/g)].map(([name]) => name)
    const internals = new Set(named.filter((name) => !isPublic(name)))
    t.ok(internals.size <= 1, `${file}: ${[...internals].join(', ')}`)
    for (const [, topic] of text.matchAll(/\binternal(?:Path)?\('(\w+)'\)/g)) used.add(topic)
  }
  const paths = Object.values(INTERNALS)
  t.equal(new Set(paths).size, paths.length, 'each path once')
  t.same(
    Object.keys(INTERNALS).filter((topic) => !used.has(topic)),
    [],
    'no topic that no test uses',
  )
  for (const name of paths) t.ok(fs.existsSync(path.join('lib', name.replace(/js$/, 'ts'))), name)
})

/** The folders in the first columns of the page's tables: each with its row, and all in their order. */
function tableOf(page) {
  const rows = page.split('\n').filter((line) => /^\| `(lib|native)\//.test(line))
  const rowOf = new Map()
  for (const [i, row] of rows.entries())
    for (const [, folder] of row.split('|')[1].matchAll(/`((?:lib|native)\/[^`]*)\/`/g)) rowOf.set(folder, i)
  // Within a row, folders stand in their order, too.
  return { rowOf, order: [...rowOf.keys()] }
}

/** The folders of `files` that no row has. The roots have none: their files are the public face and the topics' table. */
const missingIn = (rowOf, files) =>
  [...new Set(files.map((file) => path.dirname(file)))].filter((folder) => folder.includes('/') && !rowOf.has(folder))

/** The imports of folders that the table does not have above; the root may import everything, and nothing the root. */
const upward = (order, edges) =>
  edges
    .filter(({ from, to }) => from.includes('/') && !order.slice(0, order.indexOf(from) + 1).includes(to))
    .map(({ from, to }) => `${from} -> ${to}`)
    .sort()

t.test('what the checks of the page refuse, they find', async (t) => {
  const { rowOf, order } = tableOf('See `lib/d/`.\n| `lib/a/`, `lib/b/` | `lib/e/` |\n|---|\n| `lib/c/` | |')
  t.same(order, ['lib/a', 'lib/b', 'lib/c'])
  t.same(
    missingIn(rowOf, ['lib/a/x.ts', 'lib/d/x.ts', 'lib/e/x.ts', 'lib/x.ts']),
    ['lib/d', 'lib/e'],
    'prose is no row',
  )
  const edges = [
    ['lib/c', 'lib/a'],
    ['lib/b', 'lib/a'],
    ['lib/a', 'lib/b'],
    ['lib/c', 'lib/d'],
    ['lib/d', 'lib/a'],
    ['lib/a', 'lib'],
    ['lib', 'lib/c'],
  ]
  t.same(
    upward(
      order,
      edges.map(([from, to]) => ({ from, to })),
    ),
    ['lib/a -> lib', 'lib/a -> lib/b', 'lib/c -> lib/d', 'lib/d -> lib/a'],
  )
})

t.test('docs/architecture.md: every path exists, and every folder of source files is described', async (t) => {
  const page = fs.readFileSync('docs/architecture.md', 'utf8')
  const named = [
    ...page.matchAll(/`((?:lib|native|scripts|test|docs)\/[^`\s]*|CMakeLists\.txt|README\.md|package\.json)`/g),
  ]
  const paths = [...new Set(named.map(([, name]) => name))]
  t.ok(paths.length > 60, `${paths.length} paths`)
  // NAME stands for the new thing's.
  for (const name of paths) t.ok(fs.existsSync(name.replace(/NAME\.ts$/, '')), name)
  const files = Object.values(graphs).flatMap((graph) => graph.files)
  const { rowOf } = tableOf(page)
  t.same(missingIn(rowOf, files), [], 'in the first column of a table')
})

t.test('docs/architecture.md: a folder imports only from rows above its own', async (t) => {
  const { order } = tableOf(fs.readFileSync('docs/architecture.md', 'utf8'))
  t.same(upward(order, folderGraph(graphs.lib).edges), [])
  const beside = folderGraph(graphs.native).edges.filter(
    ({ from, to }) => from !== 'native' && !/^native\/binding\b/.test(to),
  )
  t.same(
    [...new Set(beside.map(({ from, to }) => `${from} -> ${to}`))],
    [
      'native/block -> native/block/cpu',
      'native/block -> native/block/definition',
      'native/block/cpu -> native/block/definition',
      'native/block/cpu -> native/kernels/cpu/micro/training',
      'native/block/cpu -> native/kernels/cpu',
      'native/block/definition -> native/kernels/cpu/micro',
      'native/data -> native/decode',
      'native/kernels/cpu -> native/kernels/cpu/micro',
      'native/kernels/cpu/micro/training -> native/kernels/cpu/micro',
      'native/kernels/cpu -> native/kernels/cpu/micro/training',
      'native/plan -> native/kernels/cpu',
      'native/plan -> native/kernels/cpu/micro',
    ],
    'native/',
  )
})
