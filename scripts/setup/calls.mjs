/*
 * Writes calls.json into the compiled package: for every public function, constructor and method, how many arguments
 * it takes and which keys its options have. lib/public-face.ts refuses calls that do not fit. The TypeScript
 * declarations are the only description: nothing is listed here by name.
 *
 *   node scripts/setup/calls.mjs [FOLDER]     FOLDER: where tsc wrote the declarations, dist unless given
 */
import fs from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

/** How far options inside options are described. */
const DEPTH = 4

/** The classes that are not exported, and whose instances come out of functions. */
const OTHERS = ['models/network/network.d.ts']

function open(folder) {
  const entry = path.join(folder, 'index.d.ts')
  const others = OTHERS.map((name) => path.join(folder, name))
  const program = ts.createProgram([entry, ...others], {
    skipLibCheck: true,
    types: ['node'],
    strict: true,
    lib: ['lib.es2023.d.ts', 'lib.esnext.disposable.d.ts'],
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.Node16,
    moduleResolution: ts.ModuleResolutionKind.Node16,
  })
  const checker = program.getTypeChecker()
  const symbols = [entry, ...others].flatMap((file) => {
    const source = program.getSourceFile(file)
    if (source === undefined) throw new Error(`${file} is missing; tsc writes it`)
    return checker.getExportsOfModule(checker.getSymbolAtLocation(source))
  })
  return { checker, symbols }
}

/** @returns {{ functions: object, classes: object }} the content of calls.json; its format is in lib/errors/calls.ts */
export function describeCalls(folder) {
  const { checker, symbols } = open(path.resolve(folder))
  const flags = ts.TypeFlags

  // TypeScript's names of files have slashes on every system.
  const own = `${path.resolve(folder).replaceAll(path.sep, '/')}/`
  const isOurs = (symbol) => symbol?.declarations?.every((one) => one.getSourceFile().fileName.startsWith(own)) ?? false
  const isOfZod = ({ symbol }) =>
    symbol?.declarations?.some((one) => one.getSourceFile().fileName.includes('/node_modules/zod/')) ?? false
  const isClass = (type) => ((type.symbol?.flags ?? 0) & ts.SymbolFlags.Class) !== 0
  const hasMethods = (properties) =>
    properties.some((one) => one.declarations?.some((place) => ts.isMethodSignature(place)))

  /**
   * The kind of a type: 'open' says that any value may be right, an object describes options, and a name with a capital
   * is that of a class.
   */
  function kindOf(type, depth, isNamed) {
    if (type.flags & (flags.Any | flags.Unknown | flags.TypeParameter | flags.NonPrimitive)) return 'open'
    if (type.flags & flags.BooleanLike) return 'boolean'
    if (type.flags & flags.NumberLike) return 'number'
    if (type.flags & flags.StringLike) return 'string'
    if (type.flags & flags.BigIntLike) return 'bigint'
    if (type.flags & (flags.Undefined | flags.Void | flags.Null | flags.Never)) return undefined
    if (!(type.flags & flags.Object) && !type.isIntersection()) return 'open'
    if (checker.isTupleType(type)) return 'array'
    if (checker.isArrayType(type)) {
      const each = depth < DEPTH ? shapeOf(checker.getTypeArguments(type)[0], depth + 1) : undefined
      return each === undefined ? 'array' : { each }
    }
    if (type.getCallSignatures().length > 0) return 'function'
    if (isClass(type)) return type.symbol.name
    if (type.getStringIndexType() !== undefined || type.getNumberIndexType() !== undefined) return 'open'
    const properties = checker.getPropertiesOfType(type)
    // What the caller implements (a data set, an iterable) may have more members than are called.
    if (!properties.every(isOurs) || hasMethods(properties)) return 'open'
    // Parts of configurations: a schema of zod checks these, and names the key's place in the file.
    if ((type.isIntersection() ? type.types : [type]).some(isOfZod)) return 'open'
    // Data, which callers may hand on with whatever else belongs to it: nothing has a default that a misspelt key
    // could leave in place. A parameter that is named options is meant as options all the same.
    if (!isNamed && !properties.some((one) => one.flags & ts.SymbolFlags.Optional)) return 'open'
    const keys = {}
    for (const property of properties) {
      const inside = depth < DEPTH ? shapeOf(checker.getTypeOfSymbol(property), depth + 1) : undefined
      keys[property.name] = hasOptions(inside) ? inside : 0
    }
    return { keys }
  }

  /** { keys, each, besides }: the options that a type allows, and the kinds of other values that it allows besides. */
  function shapeOf(type, depth = 0, isNamed = false) {
    const shape = {}
    const besides = new Set()
    // A type parameter stands for what it extends.
    const whole = type.isTypeParameter() ? (checker.getBaseConstraintOfType(type) ?? type) : type
    for (const part of whole.isUnion() ? whole.types : [whole]) {
      const kind = kindOf(part, depth, isNamed)
      if (kind === 'open') return undefined
      if (kind === undefined) continue
      if (typeof kind === 'string') besides.add(kind)
      else if (kind.each !== undefined) {
        shape.each = merged(shape.each, kind.each)
      } else shape.keys = { ...shape.keys, ...kind.keys }
    }
    // Lists of anything but options are not looked into.
    if (shape.each !== undefined && (besides.has('array') || !hasOptions(shape.each))) {
      delete shape.each
      besides.add('array')
    }
    if (besides.size > 0) shape.besides = [...besides].sort()
    return shape
  }

  const hasOptions = (shape) => shape?.keys !== undefined || shape?.each !== undefined

  function merged(a = {}, b = {}) {
    const both = { ...a, ...b }
    if (a.keys !== undefined && b.keys !== undefined) both.keys = { ...a.keys, ...b.keys }
    if (a.besides !== undefined && b.besides !== undefined)
      both.besides = [...new Set([...a.besides, ...b.besides])].sort()
    return both
  }

  /** { most, options }: the number of arguments (none for any number), and the shapes of those that are options. */
  function formOf(signature, isOneOfSeveral) {
    const form = { most: signature.getParameters().length, names: [] }
    for (const [position, parameter] of signature.getParameters().entries()) {
      const { valueDeclaration: declaration } = parameter
      const name = declaration !== undefined && ts.isIdentifier(declaration.name) ? declaration.name.text : 'options'
      form.names.push(name)
      let type = checker.getTypeOfSymbol(parameter)
      if (declaration?.dotDotDotToken !== undefined) {
        delete form.most
        form.names[position] = `...${name}`
        if (!checker.isArrayType(type)) continue
        type = checker.getTypeArguments(type)[0]
      }
      const shape = shapeOf(
        type,
        0,
        name === 'options' && declaration !== undefined && ts.isIdentifier(declaration.name),
      )
      // Where a function has several signatures, the kinds of its arguments tell which one is meant.
      if (!hasOptions(shape) && !(isOneOfSeveral && shape?.besides !== undefined)) continue
      form.options ??= {}
      form.options[position] = shape
    }
    return form
  }

  const formsOf = (signatures) => signatures.map((one) => formOf(one, signatures.length > 1))

  const functions = {}
  const classes = {}
  const seen = new Map()

  function addClass(symbol) {
    const { name } = symbol
    if (seen.get(name) === symbol) return
    if (seen.has(name)) throw new Error(`two classes are named ${name}`)
    seen.set(name, symbol)
    const members = {}
    const statics = {}
    for (const [list, type] of [
      [members, checker.getDeclaredTypeOfSymbol(symbol)],
      [statics, checker.getTypeOfSymbol(symbol)],
    ]) {
      for (const property of checker.getPropertiesOfType(type)) {
        if (!property.declarations?.some((one) => ts.isMethodDeclaration(one) && one.parent === classOf(symbol)))
          continue
        const key = property.name.startsWith('__@')
          ? property.name.replace(/^__@(\w+)@\d+$/, 'Symbol.$1')
          : property.name
        list[key] = formsOf(checker.getTypeOfSymbol(property).getCallSignatures())
        // JSON.stringify passes a key to it.
        if (key === 'toJSON') for (const form of list[key]) form.most = 1
      }
    }
    const constructs = checker
      .getTypeOfSymbol(symbol)
      .getConstructSignatures()
      .filter(
        ({ declaration }) =>
          declaration === undefined || !(ts.getCombinedModifierFlags(declaration) & ts.ModifierFlags.Private),
      )
    classes[name] = { construct: formsOf(constructs), members, statics }
    for (const base of checker.getBaseTypes(checker.getDeclaredTypeOfSymbol(symbol))) {
      if (base.symbol !== undefined && isClass(base) && isOurs(base.symbol)) addClass(base.symbol)
    }
  }
  const classOf = (symbol) => symbol.declarations.find((one) => ts.isClassDeclaration(one))

  function visit(symbol, prefix) {
    const target = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol
    if (target.flags & ts.SymbolFlags.ValueModule) {
      for (const member of checker.getExportsOfModule(target)) visit(member, `${prefix}${symbol.name}.`)
    } else if (target.flags & ts.SymbolFlags.Class) addClass(target)
    else if (target.flags & (ts.SymbolFlags.Function | ts.SymbolFlags.Variable)) {
      const signatures = checker.getTypeOfSymbol(target).getCallSignatures()
      if (signatures.length > 0) functions[prefix + symbol.name] = formsOf(signatures)
    }
  }
  for (const symbol of symbols) visit(symbol, '')
  return { functions, classes }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const folder = path.resolve(process.argv[2] ?? fileURLToPath(new URL('../../dist', import.meta.url)))
  fs.writeFileSync(path.join(folder, 'calls.json'), JSON.stringify(describeCalls(folder)))
}
