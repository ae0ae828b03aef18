/**
 * Every public declaration of the package, as an editor sees it: what dist/index.d.ts exports, the members of classes
 * and interfaces, and the properties of all objects that functions take and return.
 */
import path from 'node:path'
import ts from 'typescript'

const DIST = `${path.resolve(import.meta.dirname, '../../dist')}/`

/** The declarations of dist/index.d.ts, or of other entries. */
export function openDeclarations(entries = [path.join(DIST, 'index.d.ts')]) {
  const program = ts.createProgram(entries, {
    strict: true,
    skipLibCheck: true,
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.Node16,
    moduleResolution: ts.ModuleResolutionKind.Node16,
    lib: ['lib.es2023.d.ts', 'lib.esnext.disposable.d.ts'],
    types: ['node'],
  })
  return { program, checker: program.getTypeChecker(), entries }
}

const LITERALS = ts.TypeFlags.StringLike | ts.TypeFlags.NumberLike | ts.TypeFlags.BooleanLike | ts.TypeFlags.BigIntLike

const isOwn = (declaration) => declaration.getSourceFile().fileName.startsWith(DIST)

const isHidden = ({ name, declarations = [] }) =>
  /^(__[@#]|#)/.test(name) ||
  declarations.some((one) => ts.getCombinedModifierFlags(one) & (ts.ModifierFlags.Private | ts.ModifierFlags.Protected))

/** Where a declaration stands in its file: the names around it, from the outside in. */
function placeOf(declaration) {
  const names = []
  for (let at = declaration; at !== undefined; at = at.parent)
    if (at.name && !ts.isParameter(at) && !ts.isNamedTupleMember(at)) names.unshift(at.name.getText())
  return names.join('.')
}

/**
 * All public declarations, each once.
 *
 * @returns {{ file: string, place: string, name: string, doc: string }[]} file: below dist/, without its ending; place:
 *   the names around the declaration in its file; name: how a user reaches it
 */
export function publicDeclarations({ program, checker, entries } = openDeclarations()) {
  const found = []
  const [symbols, types] = [new Set(), new Set()]

  /** Lists a symbol. Tells whether it is new. */
  function list(symbol, name) {
    if (symbols.has(symbol)) return false
    symbols.add(symbol)
    const declaration = (symbol.declarations ?? []).find(isOwn)
    if (declaration === undefined || symbol.flags & ts.SymbolFlags.TypeParameter) return true
    const file = declaration
      .getSourceFile()
      .fileName.slice(DIST.length)
      .replace(/\.d\.ts$/, '')
    const doc = ts.displayPartsToString(symbol.getDocumentationComment(checker)).trim()
    const all = symbol.getJsDocTags(checker)
    if (all.some((tag) => tag.name === 'internal')) return true
    const tags = all.map((tag) => ts.displayPartsToString(tag.text))
    found.push({ file, place: placeOf(declaration), name, doc: [doc, ...tags].join(' ').trim() })
    return true
  }

  function walkType(type, name) {
    // One of all instances of a generic type: its methods may return others without end.
    const one = type.objectFlags & ts.ObjectFlags.Reference && (type.symbol?.declarations ?? []).some(isOwn)
    const key = one ? type.target : type
    if (types.has(key) || type.flags & LITERALS) return
    types.add(key)
    const { symbol } = type
    // The schemas themselves: what a value of theirs is, is a type of its own, with its keys.
    if (/^\$?Zod/.test(symbol?.name)) return
    const inner = type.isUnionOrIntersection() ? type.types : []
    const given = type.objectFlags & ts.ObjectFlags.Reference ? checker.getTypeArguments(type) : []
    const indexed = checker.getIndexInfosOfType(type).map((info) => info.type)
    for (const part of [...inner, ...given, ...indexed]) walkType(part, name)
    if (type.isUnion()) return
    const isNamed = symbol !== undefined && !symbol.name.startsWith('__') && (symbol.declarations ?? []).some(isOwn)
    const isFunction = symbol !== undefined && symbol.flags & (ts.SymbolFlags.Function | ts.SymbolFlags.Method)
    const label = isNamed && !isFunction ? symbol.name : name
    if (isNamed && symbol.flags & (ts.SymbolFlags.Class | ts.SymbolFlags.Interface)) list(symbol, label)
    for (const property of type.getProperties()) {
      const declaration = (property.declarations ?? []).find(isOwn)
      if (declaration === undefined || isHidden(property) || property.flags & ts.SymbolFlags.Prototype) continue
      if (list(property, `${label}.${property.name}`))
        walkType(checker.getTypeOfSymbolAtLocation(property, declaration), `${label}.${property.name}`)
    }
    for (const signature of [...type.getCallSignatures(), ...type.getConstructSignatures()]) {
      if (signature.declaration && !isOwn(signature.declaration)) continue
      for (const parameter of signature.parameters) {
        const declaration = parameter.valueDeclaration ?? parameter.declarations?.[0]
        if (declaration) walkType(checker.getTypeOfSymbolAtLocation(parameter, declaration), `${name}()`)
      }
      walkType(signature.getReturnType(), `${name}()`)
    }
  }

  function walkExport(exported, name) {
    const symbol = exported.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported
    if (symbol.flags & ts.SymbolFlags.ValueModule) {
      if (symbols.has(symbol)) return
      symbols.add(symbol)
      for (const each of checker.getExportsOfModule(symbol)) walkExport(each, `${name}.${each.name}`)
      return
    }
    list(symbol, name)
    if (symbol.flags & ts.SymbolFlags.Type) walkType(checker.getDeclaredTypeOfSymbol(symbol), name)
    if (symbol.valueDeclaration) walkType(checker.getTypeOfSymbolAtLocation(symbol, symbol.valueDeclaration), name)
  }

  for (const entry of entries) {
    const module = checker.getSymbolAtLocation(program.getSourceFile(entry))
    for (const each of checker.getExportsOfModule(module)) walkExport(each, each.name)
  }
  return found
}
