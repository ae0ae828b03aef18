/** What a cache changes about the images that a network is evaluated on. */
import { isSquare, longerSideOf, type Resolution, resolutionOf, resolutionText } from '../../models/arch/resolution'
import { cuts, type FileLayout, scaledSides } from '../images/preprocessing'
import { cutsOf, type Views } from '../images/views'
import type { CachedLayout } from './format'

/** What images are resized to before their centre is cut out. */
const resizedTo = (layout: FileLayout): Resolution =>
  cuts(layout.fit) ? resolutionOf(scaledSides(layout)) : layout.resolution

/**
 * Whether evaluation on a cache sees the pixels that a prediction sees of the same files: the cache was made by the same
 * steps, and what is left is to cut out the views, at the same places.
 */
function isExact(cached: CachedLayout, layout: FileLayout, views: Views): boolean {
  const { fit, interpolation, colorManagement, resolution } = layout
  if (cached.fit !== fit || cached.interpolation !== interpolation) return false
  if (cached.colorManagement !== colorManagement) return false
  // The images of a cache are squares.
  if (!isSquare(resolution) || cached.size !== resizedTo(layout)) return false
  if (fit === 'stretch') return true
  // A prediction takes the corners of the whole image. The cache has only its central square.
  if (fit === 'crop' && cutsOf(views) > 1) return false
  // The cache has cut once already. Both cuts round half a pixel to the even side: together they are one cut where the
  // second one moves by an even number.
  return fit === 'squash' || (cached.size - resolution) % 4 === 0
}

/**
 * Warnings for a run that uses a cache: evaluation that differs from predictions, and images that are enlarged.
 *
 * @param layout how a prediction turns a file into the input
 * @param views what the network sees of each image in evaluation
 */
export function cacheCautions(name: string, cached: CachedLayout, layout: FileLayout, views: Views = 'one'): string[] {
  const { size, fit, interpolation, colorManagement } = cached
  const { resolution } = layout
  const cautions: string[] = []
  if (size < longerSideOf(resolution)) {
    const input = resolutionText(resolution)
    cautions.push(`${name}: the cache has images of ${size} px, which are enlarged to the input's ${input} px`)
  }
  if (isExact(cached, layout, views)) return cautions
  const colours = (managed: boolean) => (managed ? ', with colour management' : '')
  const has = `${size} px, fit ${fit}, ${interpolation}${colours(colorManagement)}`
  const wanted = resizedTo(layout)
  const wants = `${resolutionText(wanted)} px, fit ${layout.fit}, ${layout.interpolation}${colours(layout.colorManagement)}`
  const { fit: wantedFit, ...rest } = layout
  const hasEqual =
    wantedFit !== 'pad' && isSquare(wanted) && isExact({ ...rest, fit: wantedFit, size: wanted }, layout, views)
  const remedy = hasEqual
    ? `a cache of ${wants} gives the same pixels`
    : 'no cache gives exactly the same pixels; mb.evaluateRun can evaluate the files'
  const corners = cutsOf(views) > 1 ? `, and takes views ${views} of the whole image` : ''
  cautions.push(
    `${name}: evaluation uses the cache's pixels (${has}), and a prediction resizes files to ${wants}${corners}: its results can differ; ${remedy}`,
  )
  return cautions
}
