/** Compares images with their manifest, and decodes each. */
import { byteString } from '../../files/entries'
import { isFolder } from '../../files/folders'
import { inOrder } from '../../process/in-order'
import { isCache } from '../cache/format'
import { shownName } from '../listing/class-folders'
import { hasManifest, readManifest } from '../listing/manifest'
import { examine } from './examine'
import type { Finding, Verified } from './finding'
import { Survey, surveyed } from './survey'
import { verifyCache } from './verify-cache'

/**
 * Checks the images at a path.
 *
 * @param given as in {@link surveyed}
 * @param report receives each finding
 * @param onImage receives the number of images so far
 * @throws MbconvError ERR_DATA for a damaged manifest, list or archive; ERR_ENVIRONMENT without a decoder
 */
export async function verify(
  given: string,
  report: (finding: Finding) => void,
  onImage: (count: number) => void = () => {},
): Promise<Verified> {
  if (isFolder(given) && isCache(given)) return verifyCache(given, report, onImage)
  const survey = new Survey()
  const manifest = isFolder(given) && hasManifest(byteString(given))
  const known = new Map<string, { bytes: number; sha256: string }>()
  if (manifest)
    for (const { name, bytes, sha256 } of readManifest(byteString(given))) known.set(name, { bytes, sha256 })
  const findings = { missing: 0, changed: 0, new: 0, broken: 0 }
  const add = (finding: Finding) => {
    findings[finding.type]++
    report(finding)
  }
  let images = 0
  for await (const [{ name, place }, { bytes, sha256, problem }] of inOrder(surveyed(given, survey), ({ place }) =>
    examine(place),
  )) {
    onImage(++images)
    const expected = known.get(name)
    known.delete(name)
    if (sha256 !== undefined && expected !== undefined && expected.sha256 !== sha256) {
      const sizes = expected.bytes === bytes ? 'the same size' : `${bytes} bytes instead of ${expected.bytes}`
      add({ type: 'changed', name: place.name, problem: `${place.name}: is not as in the manifest (${sizes})` })
    } else if (manifest && expected === undefined)
      add({ type: 'new', name: place.name, problem: `${place.name}: is not in the manifest` })
    if (problem !== undefined) add({ type: 'broken', name: place.name, problem })
  }
  for (const name of known.keys())
    add({ type: 'missing', name: shownName(name), problem: `${shownName(name)}: is in the manifest but not there` })
  return { images, manifest, findings, notes: [...survey.notes, ...survey.left.notes(given)] }
}
