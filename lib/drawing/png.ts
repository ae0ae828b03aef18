/** Converts SVG to PNG, with the package's own font. */
import { optionalPackage } from '../errors/optional-package'
import { FONT_FAMILY, fontFiles } from './font'

/**
 * Renders an SVG on a white background.
 *
 * @param scale pixels of the PNG per unit of the SVG
 * @throws MbconvError ERR_ENVIRONMENT if the renderer or the font is not installed
 */
export async function svgToPng(svg: string, scale = 2): Promise<Uint8Array> {
  const { Resvg } = await optionalPackage('@resvg/resvg-js', 'drawing', () => import('@resvg/resvg-js'))
  const rendered = new Resvg(svg, {
    background: '#ffffff',
    fitTo: { mode: 'zoom', value: scale },
    font: {
      fontFiles: fontFiles(),
      // Makes the picture equal on every machine, and saves the seconds that a large font folder would take.
      loadSystemFonts: false,
      defaultFontFamily: FONT_FAMILY,
    },
  })
  return rendered.render().asPng()
}
