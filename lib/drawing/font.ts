/** The letters of all pictures and pages: a font of the package's own, since a bare machine has none. */
import { readBytes } from '../files/open'

/** Latin letters only: another font of the reader's takes the place of Greek ones. */
export const FONT_FAMILY = 'Lato'

const FILES = { 400: '400Regular/Lato_400Regular.ttf', 700: '700Bold/Lato_700Bold.ttf' } as const

type Weight = keyof typeof FILES

const WEIGHTS = Object.keys(FILES).map(Number) as Weight[]

const fileOf = (weight: Weight): string => require.resolve(`@expo-google-fonts/lato/${FILES[weight]}`)

/** The font's files. */
export const fontFiles = (): string[] => WEIGHTS.map(fileOf)

/** `@font-face` rules that hold the letters themselves, for a page that loads nothing; 200 kB. */
export function fontFaces(): string {
  const rule = (weight: Weight) => {
    const letters = Buffer.from(readBytes(fileOf(weight), { op: 'report' })).toString('base64')
    return `@font-face{font-family:${FONT_FAMILY};font-weight:${weight};src:url(data:font/ttf;base64,${letters})}`
  }
  return WEIGHTS.map(rule).join('\n')
}
