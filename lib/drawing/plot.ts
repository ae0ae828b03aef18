/** The plotting library, loaded when the first picture is drawn: training itself does not need it. */

/** @returns Observable Plot, and a document for it to draw in */
export async function loadPlot() {
  const [Plot, { parseHTML }] = await Promise.all([import('@observablehq/plot'), import('linkedom')])
  const { document } = parseHTML('<!doctype html><html></html>')
  return { Plot, document }
}

export type PlotLibrary = Awaited<ReturnType<typeof loadPlot>>['Plot']
