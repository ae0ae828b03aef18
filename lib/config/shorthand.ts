/**
 * Handles a plain value where a mapping is expected, such as `optimizer: adam`: finds what was meant, and the correct
 * form.
 */
import { z } from 'zod'
import { printable } from '../text/foreign-text'
import { nearest, sameWord } from '../text/nearest'

/** The key of the mapping that the value was probably meant for, and the value to write there. */
export interface Shorthand {
  key: string
  value: string
  /** Whether the value is only the most similar one to what was written. */
  isGuess: boolean
  /** Further required keys of the mapping. */
  required: string[]
}

/** The schema inside defaults and other wrappers. */
export function stripped(schema: z.ZodType | undefined): z.ZodType | undefined {
  let inner = schema
  while (
    inner instanceof z.ZodDefault ||
    inner instanceof z.ZodPrefault ||
    inner instanceof z.ZodNullable ||
    inner instanceof z.ZodOptional
  )
    inner = inner.unwrap() as z.ZodType
  return inner
}

/** The mappings that a schema accepts. */
export function mappingsOf(schema: z.ZodType | undefined): z.ZodObject[] {
  const inner = stripped(schema)
  if (inner instanceof z.ZodObject) return [inner]
  // This includes unions that are tagged by a key.
  if (inner instanceof z.ZodUnion) return inner.options.flatMap((option) => mappingsOf(option as z.ZodType))
  return []
}

/** What a plain value was meant for; undefined if that is unclear. */
export function shorthandOf(schema: z.ZodType | undefined, value: unknown): Shorthand | undefined {
  if (!['string', 'number', 'bigint'].includes(typeof value)) return undefined
  const mappings = mappingsOf(schema)
  const named = mappings.flatMap((mapping) => {
    const { name } = mapping.shape
    return name instanceof z.ZodLiteral ? [{ mapping, name: String(name.value) }] : []
  })
  if (named.length > 0) {
    const written = String(value)
    const exact = named.find(({ name }) => sameWord(name, written))
    const near = nearest(
      written,
      named.map(({ name }) => name),
    )
    const found = exact ?? named.find(({ name }) => name === near)
    if (found === undefined) return undefined
    const { mapping, name } = found
    return { key: 'name', value: name, isGuess: name !== written, required: requiredOf(mapping, 'name') }
  }
  for (const mapping of mappings) {
    // The value is taken for the name, or else for the first key of the mapping.
    const keys = Object.keys(mapping.shape)
    const own = [...new Set(keys.includes('name') ? ['name', keys[0]] : keys.slice(0, 1))]
    for (const key of own) {
      const slot = mapping.shape[key] as z.ZodType
      const required = requiredOf(mapping, key)
      if (slot.safeParse(value).success) return { key, value: String(value), isGuess: false, required }
      const words = stripped(slot)
      const near = words instanceof z.ZodEnum ? nearest(String(value), words.options.map(String)) : undefined
      if (near !== undefined) return { key, value: near, isGuess: true, required }
    }
  }
  return undefined
}

const requiredOf = ({ shape }: z.ZodObject, but: string): string[] =>
  Object.keys(shape).filter((key) => key !== but && !(shape[key] as z.ZodType).safeParse(undefined).success)

/** A value as written in a YAML mapping. */
const inYaml = (value: string): string => (/^[\w./+-]+$/.test(value) ? value : JSON.stringify(printable(value)))

/** `write optimizer: {name: sgd, lr: …}`, or `did you mean …?` if it is a guess. */
export function mappingHint(name: string, { key, value, isGuess, required }: Shorthand): string {
  const rest = required.map((other) => `, ${other}: …`).join('')
  return asked(`${name}: {${key}: ${inYaml(value)}${rest}}`, isGuess)
}

/** @param setting formats a key and its value as an override: `optimizer.name`, `sgd` as `--optimizer.name=sgd` */
export function overrideHint(
  path: string,
  { key, value, isGuess }: Shorthand,
  setting: (key: string, value: string) => string,
): string {
  const name = path.split('.').at(-1)
  const written = setting(`${path}.${key}`, value)
  return isGuess ? asked(written, isGuess) : `${name} is a mapping: ${asked(written, isGuess)}`
}

const asked = (text: string, isGuess: boolean): string => (isGuess ? `did you mean ${text}?` : `write ${text}`)

/** If there is no better hint: some of the available keys. */
export function keysHint(schema: z.ZodType | undefined): string | undefined {
  const mappings = mappingsOf(schema)
  if (mappings.length === 0) return undefined
  const names = mappings.flatMap(({ shape: { name } }) => (name instanceof z.ZodLiteral ? [String(name.value)] : []))
  if (names.length > 0) return `its name is one of ${names.join(', ')}`
  const keys = [...new Set(mappings.flatMap(({ shape }) => Object.keys(shape)))]
  return `its keys are ${keys.slice(0, 6).join(', ')}${keys.length > 6 ? ' …' : ''}`
}
