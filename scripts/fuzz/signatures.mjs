// Parameters of the public functions and classes, from the package's TypeScript declarations. Random arguments rarely
// pass the first check; arguments that fit do.
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

/** Maximum depth of a description in options and nested arrays. */
const DEPTH = 4

/**
 * Every export by its path ('nn.Conv2d'), as JSON: `{ params }` for a function, `{ construct, methods }` for a class,
 * where each method is a list of params. A param is `{ name, type, optional, rest }`.
 */
export function readSignatures() {
  const entry = fileURLToPath(new URL('../../dist/index.d.ts', import.meta.url))
  const program = ts.createProgram([entry], {
    skipLibCheck: true,
    types: [],
    strict: true,
    lib: ['lib.es2023.d.ts', 'lib.esnext.disposable.d.ts'],
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.Node16,
    moduleResolution: ts.ModuleResolutionKind.Node16,
  })
  const checker = program.getTypeChecker()
  const source = program.getSourceFile(entry)

  /** A type as data. */
  function describe(type, depth) {
    if (type.flags & (ts.TypeFlags.Any | ts.TypeFlags.Unknown | ts.TypeFlags.TypeParameter)) return { kind: 'any' }
    if (type.flags & ts.TypeFlags.BooleanLike) return { kind: 'boolean' }
    if (type.flags & (ts.TypeFlags.StringLiteral | ts.TypeFlags.NumberLiteral))
      return { kind: 'literal', value: type.value }
    if (type.flags & ts.TypeFlags.NumberLike) return { kind: 'number' }
    if (type.flags & ts.TypeFlags.StringLike) return { kind: 'string' }
    if (type.flags & ts.TypeFlags.BigIntLike) return { kind: 'bigint' }
    if (type.flags & (ts.TypeFlags.Undefined | ts.TypeFlags.Void)) return { kind: 'undefined' }
    if (type.flags & ts.TypeFlags.Null) return { kind: 'null' }
    if (type.isUnion()) return { kind: 'union', of: type.types.slice(0, 60).map((part) => describe(part, depth)) }
    if (depth > DEPTH) return { kind: 'any' }
    if (checker.isTupleType(type))
      return { kind: 'tuple', of: checker.getTypeArguments(type).map((part) => describe(part, depth + 1)) }
    if (checker.isArrayType(type))
      return { kind: 'array', of: describe(checker.getTypeArguments(type)[0] ?? checker.getAnyType(), depth + 1) }
    if (type.getCallSignatures().length > 0) return { kind: 'function' }
    const name = type.symbol?.name ?? ''
    if (/^(Big)?(Uint|Int|Float)\d+(Clamped)?Array$/.test(name)) return { kind: 'typed', name }
    if (type.symbol?.flags & ts.SymbolFlags.Class) return { kind: 'instance', name }
    if (/^(Date|RegExp|Map|Set|AbortSignal|Buffer|SharedArrayBuffer|ArrayBuffer|Promise)$/.test(name))
      return { kind: 'instance', name }
    const index = type.getStringIndexType()
    if (index) return { kind: 'record', of: describe(index, depth + 1) }
    const properties = checker.getPropertiesOfType(type).slice(0, 60)
    return {
      kind: 'object',
      of: properties.map((property) => ({
        name: property.name,
        optional: (property.flags & ts.SymbolFlags.Optional) !== 0,
        type: describe(checker.getTypeOfSymbol(property), depth + 1),
      })),
    }
  }

  function parameters(signature) {
    return signature.getParameters().map((parameter) => {
      const { valueDeclaration: declaration } = parameter
      const rest = declaration?.dotDotDotToken !== undefined
      const type = checker.getTypeOfSymbolAtLocation(parameter, declaration ?? source)
      return {
        name: parameter.name,
        optional: declaration?.questionToken !== undefined || declaration?.initializer !== undefined,
        rest,
        type: describe(rest && checker.isArrayType(type) ? checker.getTypeArguments(type)[0] : type, 0),
      }
    })
  }

  /** The last overload is the most general. */
  const widest = (signatures) => (signatures.length > 0 ? parameters(signatures.at(-1)) : undefined)

  const found = {}
  function visit(symbol, path) {
    const target = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol
    if (target.flags & ts.SymbolFlags.ValueModule) {
      for (const member of checker.getExportsOfModule(target)) visit(member, `${path}${symbol.name}.`)
    } else if (target.flags & ts.SymbolFlags.Class) {
      const type = checker.getDeclaredTypeOfSymbol(target)
      const methods = {}
      for (const property of checker.getPropertiesOfType(type)) {
        const params = widest(checker.getTypeOfSymbol(property).getCallSignatures())
        if (params) methods[property.name] = params
      }
      const construct = widest(checker.getTypeOfSymbol(target).getConstructSignatures()) ?? []
      found[path + symbol.name] = { construct, methods }
    } else if (target.flags & (ts.SymbolFlags.Function | ts.SymbolFlags.Variable)) {
      const params = widest(checker.getTypeOfSymbol(target).getCallSignatures())
      if (params) found[path + symbol.name] = { params }
    }
  }
  for (const symbol of checker.getExportsOfModule(checker.getSymbolAtLocation(source))) visit(symbol, '')
  return found
}
