/** The font of all pictures and pages. It is an optional package, since a bare machine may have no font at all. */
import { missingPackage } from '../errors/optional-package'
import { readBytes } from '../files/open'

/** Has only Latin letters; the reader's browser substitutes another font for Greek ones. */
export const FONT_FAMILY = 'Lato'

const FILES = { 400: '400Regular/Lato_400Regular.ttf', 700: '700Bold/Lato_700Bold.ttf' } as const

type Weight = keyof typeof FILES

const WEIGHTS = Object.keys(FILES).map(Number) as Weight[]

const PACKAGE = '@expo-google-fonts/lato'

function fileOf(weight: Weight): string {
  try {
    return require.resolve(`${PACKAGE}/${FILES[weight]}`)
  } catch (cause) {
    throw missingPackage(PACKAGE, 'drawing', cause)
  }
}

/** Paths of the font's files. */
export const fontFiles = (): string[] => WEIGHTS.map(fileOf)

/** `@font-face` rules with embedded font data, for a page that loads nothing; 200 kB. */
export function fontFaces(): string {
  const rule = (weight: Weight) => {
    const letters = Buffer.from(readBytes(fileOf(weight), { op: 'report' })).toString('base64')
    return `@font-face{font-family:${FONT_FAMILY};font-weight:${weight};src:url(data:font/ttf;base64,${letters})}`
  }
  return WEIGHTS.map(rule).join('\n')
}
