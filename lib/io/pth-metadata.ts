/** Texts about a `.pth` file: an entry of its archive that this package writes and reads, and that PyTorch passes over. */
import type { Reject } from './stored-tensor'

/** The entry's name below the archive's folder. */
export const METADATA_ENTRY = 'mbconv.json'

/** Bytes of the largest entry that is read. */
export const MAX_METADATA_BYTES = 2 ** 20

/** The texts by name. */
export function parseMetadata(bytes: Buffer, reject: Reject): Record<string, string> {
  let value: unknown
  try {
    value = JSON.parse(bytes.toString())
  } catch {
    return reject(`${METADATA_ENTRY} in it is not JSON`)
  }
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
  if (!isObject || Object.values(value as object).some((text) => typeof text !== 'string'))
    return reject(`${METADATA_ENTRY} in it does not hold texts by name`)
  return value as Record<string, string>
}
