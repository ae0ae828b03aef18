/** The names of a module's parts, and the paths that are made of them. */
import { shown } from '../../errors/check'
import { MbconvError } from '../../errors/error'
import { nearest } from '../../text/nearest'

/** The path of a part below a path. */
export const joined = (path: string, name: string): string => (path === '' ? name : `${path}.${name}`)

/** Checks the name of a part: one step of a path. */
export function checkName(op: string, name: unknown): asserts name is string {
  if (typeof name !== 'string')
    throw new MbconvError('ERR_TYPE', `${op}: name must be text, got ${shown(name)}`, { op })
  // An assignment to __proto__ replaces an object's prototype.
  if (name !== '' && !name.includes('.') && name !== '__proto__') return
  const rule = name === '__proto__' ? 'be __proto__' : `be empty or contain a dot, got ${JSON.stringify(name)}`
  const message = `${op}: a name must not ${rule}`
  throw new MbconvError('ERR_VALUE', message, { op })
}

/** The error for a name that something else has. */
export function taken(op: string, name: string): MbconvError {
  return new MbconvError('ERR_VALUE', `${op}: the module has something else under the name ${JSON.stringify(name)}`, {
    op,
  })
}

/** Whether a class of this object defines the property by a getter. */
export function accessorOf(module: object, name: string): boolean {
  let at = Object.getPrototypeOf(module)
  while (at !== null && !Object.hasOwn(at, name)) at = Object.getPrototypeOf(at)
  return at !== null && Object.getOwnPropertyDescriptor(at, name)?.get !== undefined
}

/** @throws MbconvError ERR_VALUE for a path on which there is no such part, with the nearest name */
export function absent(op: string, what: string, name: string, path: string, known: Iterable<string>): never {
  const near = nearest(name, known)
  throw new MbconvError(
    'ERR_VALUE',
    `${op}: there is no ${what} ${JSON.stringify(name)} on the path ${JSON.stringify(path)}`,
    {
      op,
      ...(near === undefined ? {} : { hint: `Did you mean ${JSON.stringify(near)}?` }),
    },
  )
}
