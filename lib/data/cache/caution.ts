/** What a cache changes about the images that a network is evaluated on. */
import { type FileLayout, shorterSide } from '../images/preprocessing'
import { CACHE_FITS, type CachedLayout } from './format'

/**
 * Whether evaluation on a cache sees the pixels that a prediction sees of the same files: the cache was made by the same
 * steps, and what is left is to cut out the centre, at the same place.
 */
function isExact(cached: CachedLayout, layout: FileLayout): boolean {
  const { fit, interpolation, colorManagement, resolution } = layout
  if (cached.fit !== fit || cached.interpolation !== interpolation) return false
  if (cached.colorManagement !== colorManagement) return false
  if (fit === 'stretch') return cached.size === resolution
  if (cached.size !== shorterSide(layout)) return false
  // The cache has cut once already. Both cuts round half a pixel to the even side: together they are one cut where the
  // second one moves by an even number.
  return fit === 'squash' || (cached.size - resolution) % 4 === 0
}

/**
 * Warnings for a run that uses a cache: evaluation that differs from predictions, and images that are enlarged.
 *
 * @param layout how a prediction turns a file into the input
 */
export function cacheCautions(name: string, cached: CachedLayout, layout: FileLayout): string[] {
  const { size, fit, interpolation, colorManagement } = cached
  const { resolution } = layout
  const cautions: string[] = []
  if (size < resolution)
    cautions.push(`${name}: the cache has images of ${size} px, which are enlarged to the input's ${resolution} px`)
  if (isExact(cached, layout)) return cautions
  const colours = (managed: boolean) => (managed ? ', with colour management' : '')
  const has = `${size} px, fit ${fit}, ${interpolation}${colours(colorManagement)}`
  const side = layout.fit === 'stretch' ? resolution : shorterSide(layout)
  const wants = `${side} px, fit ${layout.fit}, ${layout.interpolation}${colours(layout.colorManagement)}`
  const better = { ...layout, size: side }
  const hasEqual = CACHE_FITS.includes(layout.fit) && isExact(better, layout)
  const remedy = hasEqual
    ? `a cache of ${wants} gives the same pixels`
    : 'no cache gives exactly the same pixels, and mbconv eval on the files does'
  cautions.push(
    `${name}: evaluation uses the cache's pixels (${has}), and a prediction resizes files to ${wants}: its results can differ; ${remedy}`,
  )
  return cautions
}
