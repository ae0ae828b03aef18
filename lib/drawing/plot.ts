/** Loads the plotting library, which is optional, when the first picture is drawn; nothing else needs it. */
import { optionalPackage } from '../errors/optional-package'

/**
 * @returns Observable Plot, and a document for it to draw in
 * @throws MbconvError ERR_ENVIRONMENT if one of the two packages is missing
 */
export async function loadPlot() {
  const [Plot, { parseHTML }] = await Promise.all([
    optionalPackage('@observablehq/plot', 'drawing', () => import('@observablehq/plot')),
    optionalPackage('linkedom', 'drawing', () => import('linkedom')),
  ])
  const { document } = parseHTML('<!doctype html><html></html>')
  return { Plot, document }
}

export type PlotLibrary = Awaited<ReturnType<typeof loadPlot>>['Plot']
