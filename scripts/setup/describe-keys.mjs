/*
 * Puts the descriptions of schemas into the type declarations, so that an editor shows them for the keys of a
 * configuration. The types are inferred from the schemas; inference keeps the keys and loses what describes them.
 *
 * The step of setup that compiles calls it with the folder of the compiled package. Descriptions are written before the
 * keys on their own lines: no line of a declaration moves.
 */
import fs from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import ts from 'typescript'

/** The types that are inferred from schemas: the file, the type, and the schema in that file or another one. */
const INFERRED = [
  { file: 'config/schema', type: 'TrainConfigInput', schema: ({ train }) => train },
  { file: 'config/schema', type: 'TrainConfig', schema: ({ train }) => train },
  { file: 'data/sources/kinds', type: 'DatasetChoice', schema: ({ train }) => train.shape.data },
  { file: 'optim/kinds', type: 'OptimizerConfig', schema: ({ train }) => train.shape.optimizer },
  { file: 'optim/schedules/kinds', type: 'ScheduleConfig', schema: ({ train }) => train.shape.schedule },
  { file: 'experiment/plan/spec', type: 'ExperimentInput', schema: ({ experiment }) => experiment },
]

/** The schema inside what only adds a default, null or a transformation. */
const inside = ({ _zod: { def } }) => def.innerType ?? (def.type === 'pipe' ? def.in : undefined)

/** The schema's or the nearest inner one's property; undefined where none has it. */
function found(schema, read) {
  for (let at = schema; at !== undefined; at = inside(at)) {
    const value = read(at)
    if (value !== undefined) return value
  }
  return undefined
}

/** A schema's description as a sentence with its default; undefined without one. */
export function sentenceOf(schema) {
  const description = found(schema, (at) => at.description)
  if (description === undefined) return undefined
  const isWord = /^[a-z]+['’]?[a-z]*[ ,]/.test(description)
  const text = isWord ? description[0].toUpperCase() + description.slice(1) : description
  const value = found(schema, ({ _zod: { def } }) => (def.type === 'default' ? { is: def.defaultValue } : undefined))
  const ending = value === undefined || typeof value.is === 'object' ? '' : ` Default: ${JSON.stringify(value.is)}.`
  return `${text}${/[.!?]$/.test(text) ? '' : '.'}${ending}`.replaceAll('*/', '* /')
}

/** The mappings that a schema allows at one place. */
function mappingsOf(schema) {
  const { def } = schema._zod
  if (def.type === 'object') return [schema]
  if (def.type === 'union') return def.options.flatMap(mappingsOf)
  if (def.type === 'array') return mappingsOf(def.element)
  const inner = inside(schema)
  return inner === undefined ? [] : mappingsOf(inner)
}

/** The object types among a type, its members if it is a union, and its elements if it is an array. */
function objectsOf(checker, type) {
  if (type.isUnion()) return type.types.flatMap((each) => objectsOf(checker, each))
  if (checker.isTupleType(type)) return []
  if (checker.isArrayType(type)) return objectsOf(checker, checker.getTypeArguments(type)[0])
  return type.flags & (ts.TypeFlags.Object | ts.TypeFlags.Intersection) ? [type] : []
}

/** Whether a mapping and an object type have the same `name`, or neither has one. */
function fits(checker, mapping, type) {
  const { name } = mapping.shape
  const value = name?._zod.def.type === 'literal' ? name._zod.def.values[0] : undefined
  const keys = Object.keys(mapping.shape)
  if (!keys.some((key) => type.getProperty(key) !== undefined)) return false
  const own = type.getProperty('name')
  if (value === undefined || own === undefined) return true
  const is = checker.getTypeOfSymbol(own)
  return !is.isStringLiteral() || is.value === value
}

/**
 * Writes the descriptions into the declarations of a compiled package.
 *
 * @param {string} dist its folder
 * @returns {number} how many were written
 */
export function describeKeys(dist) {
  const require = createRequire(import.meta.url)
  const schemas = {
    train: require(path.join(dist, 'config', 'schema.js')).trainConfigSchema,
    experiment: require(path.join(dist, 'experiment', 'plan', 'spec.js')).experimentSchema,
  }
  const fileOf = (name) => path.join(dist, `${name}.d.ts`)
  const program = ts.createProgram([...new Set(INFERRED.map(({ file }) => fileOf(file)))], {
    strict: true,
    skipLibCheck: true,
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.Node16,
    moduleResolution: ts.ModuleResolutionKind.Node16,
    types: ['node'],
  })
  const checker = program.getTypeChecker()
  /** By file: the position of each key, and its sentence. */
  const edits = new Map()

  function note(declaration, sentence) {
    const file = declaration.getSourceFile()
    if (!file.fileName.startsWith(dist) || !ts.isPropertySignature(declaration)) return
    if (ts.getJSDocCommentsAndTags(declaration).length > 0) return
    if (!edits.has(file)) edits.set(file, new Map())
    edits.get(file).set(declaration.getStart(), sentence)
  }

  function walk(schema, type, seen) {
    for (const mapping of mappingsOf(schema)) {
      for (const object of objectsOf(checker, type)) {
        if (seen.has(object) || !fits(checker, mapping, object)) continue
        for (const [key, inner] of Object.entries(mapping.shape)) {
          const property = object.getProperty(key)
          if (property === undefined) continue
          const sentence = sentenceOf(inner)
          if (sentence !== undefined) for (const each of property.declarations ?? []) note(each, sentence)
          walk(inner, checker.getTypeOfSymbol(property), new Set([...seen, object]))
        }
      }
    }
  }

  for (const { file, type, schema } of INFERRED) {
    const module = checker.getSymbolAtLocation(program.getSourceFile(fileOf(file)))
    const symbol = checker.getExportsOfModule(module).find(({ name }) => name === type)
    if (symbol === undefined) throw new Error(`${file}.d.ts has no type ${type}`)
    walk(schema(schemas), checker.getDeclaredTypeOfSymbol(symbol), new Set())
  }

  let written = 0
  for (const [file, sentences] of edits) {
    let { text } = file
    for (const [position, sentence] of [...sentences].sort(([a], [b]) => b - a)) {
      text = `${text.slice(0, position)}/** ${sentence} */ ${text.slice(position)}`
      written++
    }
    fs.writeFileSync(file.fileName, text)
  }
  return written
}

if (process.argv[1] === import.meta.filename) describeKeys(path.resolve(process.argv[2]))
