/** The text of a module, as PyTorch prints it. */

/** Indents all lines but the first. */
const indented = (text: string): string => text.split('\n').join('\n  ')

/** The lines of a module's children. `compact`: equal neighbours share a line, as in PyTorch's lists of modules. */
function childLines(children: readonly (readonly [name: string, text: string])[], compact: boolean): string[] {
  if (!compact) return children.map(([name, text]) => `(${name}): ${indented(text)}`)
  const runs: { first: string; last: string; count: number; text: string }[] = []
  for (const [name, text] of children) {
    const run = runs.at(-1)
    if (run?.text === text) Object.assign(run, { last: name, count: run.count + 1 })
    else runs.push({ first: name, last: name, count: 1, text })
  }
  return runs.map(({ first, last, count, text }) =>
    count === 1 ? `(${first}): ${indented(text)}` : `(${first}-${last}): ${count} x ${indented(text)}`,
  )
}

/**
 * Source of the layout: torch 2.13, nn/modules/module.py (`Module.__repr__`) and container.py (`ModuleList.__repr__`).
 *
 * @param extra the module's own settings, one or several lines
 */
export function described(
  className: string,
  extra: string,
  children: readonly (readonly [name: string, text: string])[],
  compact = false,
): string {
  const own = extra === '' ? [] : extra.split('\n')
  const lines = [...own, ...childLines(children, compact)]
  if (lines.length === 0) return `${className}()`
  if (own.length === 1 && children.length === 0) return `${className}(${extra})`
  return `${className}(\n  ${lines.join('\n  ')}\n)`
}

/** A number that is floating-point in PyTorch, as Python writes it: 1.0, 1e-05. */
export function pythonFloat(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'nan' : value < 0 ? '-inf' : 'inf'
  const exponent = value === 0 ? 0 : Number(value.toExponential().split('e')[1])
  if (exponent < -4 || exponent >= 16) return value.toExponential().replace(/e([+-])(\d)$/, 'e$10$2')
  return Number.isInteger(value) ? `${value}.0` : String(value)
}

/** A value as Python writes it; numbers are integers. */
export function python(value: unknown): string {
  if (typeof value === 'boolean') return value ? 'True' : 'False'
  if (value === null || value === undefined) return 'None'
  if (typeof value === 'string') return `'${value}'`
  if (!Array.isArray(value)) return String(value)
  return `(${value.map(python).join(', ')}${value.length === 1 ? ',' : ''})`
}
