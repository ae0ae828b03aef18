/** Whether a value is a mapping of keys to values, as in YAML and JSON. */
export function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Dotted keys in which two plain values differ as JSON. What stands at a key that `isFree` is not looked at. */
export function differingKeys(a: unknown, b: unknown, isFree = (_key: string) => false, key = ''): string[] {
  if (isFree(key)) return []
  if (isMapping(a) && isMapping(b)) {
    const names = new Set([...Object.keys(a), ...Object.keys(b)])
    return [...names].flatMap((name) => differingKeys(a[name], b[name], isFree, key === '' ? name : `${key}.${name}`))
  }
  return JSON.stringify(a) === JSON.stringify(b) ? [] : [key]
}
