/** SVG to PNG, with the package's own font. */
import { optionalPackage } from '../errors/optional-package'
import { FONT_FAMILY, fontFiles } from './font'

/**
 * Renders an SVG on white.
 *
 * @param scale pixels of the PNG for one of the SVG
 * @throws MbconvError ERR_ENVIRONMENT where the renderer or the font is not installed
 */
export async function svgToPng(svg: string, scale = 2): Promise<Uint8Array> {
  const { Resvg } = await optionalPackage('@resvg/resvg-js', 'drawing', () => import('@resvg/resvg-js'))
  const rendered = new Resvg(svg, {
    background: '#ffffff',
    fitTo: { mode: 'zoom', value: scale },
    font: {
      fontFiles: fontFiles(),
      // The picture looks the same on every machine, and a large font folder costs no second.
      loadSystemFonts: false,
      defaultFontFamily: FONT_FAMILY,
    },
  })
  return rendered.render().asPng()
}
