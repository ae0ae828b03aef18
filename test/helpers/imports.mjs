/** The imports of this project's sources, file to file, as the graph that test/architecture.test.mjs checks. */
import fs from 'node:fs'
import path from 'node:path'
import ts from 'typescript'

/**
 * @typedef {object} Edge
 * @property {string} from file, relative to the root
 * @property {string} to
 * @property {boolean} value false where only types are imported, which leave nothing in the compiled code
 */

const filesBelow = (folder, wanted) =>
  fs
    .readdirSync(folder, { recursive: true })
    .map((name) => path.join(folder, name))
    .filter((file) => wanted.test(file))
    .sort()

/** Whether a declaration imports or exports types alone. */
function isTypeOnly(node) {
  const clause = ts.isImportDeclaration(node) ? node.importClause : node
  if (clause === undefined) return false // imported for its effects
  if (clause.isTypeOnly) return true
  if (clause.name !== undefined) return false
  const names = ts.isImportDeclaration(node) ? clause.namedBindings : clause.exportClause
  if (names === undefined || !('elements' in names)) return false
  return names.elements.length > 0 && names.elements.every((each) => each.isTypeOnly)
}

/** What a TypeScript file imports: `{ name, value }` with the name as it is written. */
function importsOf(file) {
  const source = ts.createSourceFile(file, fs.readFileSync(file, 'utf8'), ts.ScriptTarget.Latest)
  const found = []
  const visit = (node) => {
    if ((ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) && node.moduleSpecifier)
      found.push({ name: node.moduleSpecifier.text, value: !isTypeOnly(node) })
    else if (ts.isImportTypeNode(node)) found.push({ name: node.argument.literal.text, value: false })
    else if (ts.isCallExpression(node) && node.arguments.length === 1 && ts.isStringLiteral(node.arguments[0])) {
      const dynamic = node.expression.kind === ts.SyntaxKind.ImportKeyword || node.expression.text === 'require'
      if (dynamic) found.push({ name: node.arguments[0].text, value: true })
    }
    ts.forEachChild(node, visit)
  }
  visit(source)
  return found
}

/** The TypeScript of a folder. Throws on a relative import that leads to no source file. */
export function typescriptGraph(folder) {
  const files = filesBelow(folder, /(?<!\.d)\.(ts|mts|cts|cjs|mjs)$/)
  const known = new Set(files)
  const edges = files.flatMap((from) =>
    importsOf(from)
      .filter(({ name }) => name.startsWith('.'))
      .map(({ name, value }) => {
        const target = path.join(path.dirname(from), name)
        const candidates = [target, `${target}.ts`, target.replace(/\.([mc]?)js$/, '.$1ts'), `${target}/index.ts`]
        const to = candidates.find((each) => known.has(each))
        if (to === undefined) throw new Error(`${from} imports ${name}, which is not there`)
        return { from, to, value }
      }),
  )
  return { files, edges }
}

/** The C++ of a folder, whose own headers are included by their path below it. */
export function nativeGraph(folder) {
  const files = filesBelow(folder, /\.(cc|h|cu|cuh)$/)
  const edges = files.flatMap((from) =>
    [...fs.readFileSync(from, 'utf8').matchAll(/^#include "([^"]+)"/gm)].map(([, name]) => {
      const to = path.join(folder, name)
      if (!files.includes(to)) throw new Error(`${from} includes ${name}, which is not there`)
      return { from, to, value: true }
    }),
  )
  return { files, edges }
}

/** Map.groupBy, which Node 20 does not have. */
export function groupBy(items, keyOf) {
  const groups = new Map()
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item])
  return groups
}

/** The same graph with one node a folder. */
export function folderGraph({ files, edges }) {
  const between = edges
    .map((edge) => ({ ...edge, from: path.dirname(edge.from), to: path.dirname(edge.to), files: edge }))
    .filter(({ from, to }) => from !== to)
  return { files: [...new Set(files.map((file) => path.dirname(file)))], edges: between }
}

/**
 * The groups of nodes from which each can be reached from each other: the circles. Tarjan, "Depth-first search and linear
 * graph algorithms" (1972).
 */
export function circlesOf({ files, edges }) {
  const next = groupBy(edges, ({ from }) => from)
  const index = new Map()
  const low = new Map()
  const stack = []
  const circles = []
  const visit = (node) => {
    index.set(node, index.size)
    low.set(node, index.get(node))
    stack.push(node)
    for (const { to } of next.get(node) ?? []) {
      if (!index.has(to)) visit(to)
      if (stack.includes(to)) low.set(node, Math.min(low.get(node), low.get(to)))
    }
    if (low.get(node) !== index.get(node)) return
    const group = stack.splice(stack.indexOf(node))
    if (group.length > 1) circles.push(group.sort())
  }
  for (const node of files) if (!index.has(node)) visit(node)
  return circles
}
