/**
 * Shared by the registries of optimisers, schedules and data sets.
 *
 * A registry is a list of kinds. Each kind is one object in one file: the schema of its options, a function that makes
 * the thing from them, and other facts that the package needs.
 */
import type { z } from 'zod'

/** A problem that involves several keys. */
export interface CrossProblem {
  /** Path from the kind's own mapping down to the wrong value. */
  path: string[]
  message: string
  hint?: string
}

/** The schema of a kind that a configuration picks by `name`: `optimizer: {name: sgd, lr: 0.1}`. */
export type NamedSchema = z.ZodObject<{ name: z.ZodLiteral<string> }>

/** A kind with such a schema. */
export interface NamedKind {
  readonly schema: NamedSchema
}

/** The names of a registry. */
export type NameOf<Kinds extends readonly NamedKind[]> = Kinds[number]['schema']['shape']['name']['value']

/** The name that a configuration picks a kind by. */
export const nameOf = ({ schema }: NamedKind): string => schema.shape.name.value

/** The names of all kinds, in the registry's order. */
export function namesOf<Kinds extends readonly NamedKind[]>(kinds: Kinds): NameOf<Kinds>[] {
  return kinds.map(nameOf) as NameOf<Kinds>[]
}

/** The kind with a name; undefined for an unknown name. */
export function kindNamed<Kind extends NamedKind>(kinds: readonly Kind[], name: unknown): Kind | undefined {
  return kinds.find((kind) => nameOf(kind) === name)
}

/** The schemas of all kinds, as `z.discriminatedUnion` takes them. */
export function schemasOf<const Kinds extends readonly NamedKind[]>(kinds: Kinds) {
  return kinds.map(({ schema }) => schema) as { -readonly [I in keyof Kinds]: Kinds[I]['schema'] }
}
