/** SVG to PNG, with a font of the package's own: a bare machine has none. */

/** The family of the font that {@link svgToPng} brings along. */
export const FONT_FAMILY = 'Lato'

const FONT_FILES = ['400Regular/Lato_400Regular.ttf', '700Bold/Lato_700Bold.ttf']

/**
 * Renders an SVG on white.
 *
 * @param scale pixels of the PNG for one of the SVG
 */
export async function svgToPng(svg: string, scale = 2): Promise<Uint8Array> {
  const { Resvg } = await import('@resvg/resvg-js')
  const rendered = new Resvg(svg, {
    background: '#ffffff',
    fitTo: { mode: 'zoom', value: scale },
    font: {
      fontFiles: FONT_FILES.map((file) => require.resolve(`@expo-google-fonts/lato/${file}`)),
      // The picture looks the same on every machine, and a large font folder costs no second.
      loadSystemFonts: false,
      defaultFontFamily: FONT_FAMILY,
    },
  })
  return rendered.render().asPng()
}
