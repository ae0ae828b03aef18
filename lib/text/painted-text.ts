/**
 * Coloured text for terminals. Until the text is written, a colour is a mark, one of Unicode's noncharacters. So all
 * other characters that a terminal would obey can be made printable in one place, just before writing.
 */
import { printable } from './foreign-text'

/** SGR parameters (ECMA-48, 8.3.117). The numbered ones are backgrounds of the 256-colour palette: four shades each. */
const STYLES = {
  ...{ none: '0', bold: '1', dim: '2', red: '31', green: '32', yellow: '33', cyan: '36' },
  ...{ right0: '48;5;22;38;5;231', right1: '48;5;28;38;5;231', right2: '48;5;34;38;5;231', right3: '48;5;40;38;5;231' },
  ...{
    wrong0: '48;5;52;38;5;231',
    wrong1: '48;5;88;38;5;231',
    wrong2: '48;5;124;38;5;231',
    wrong3: '48;5;160;38;5;231',
  },
} as const

export type Style = keyof typeof STYLES

const NAMES = Object.keys(STYLES) as Style[]
const FIRST = 0xfdd0
const MARK = /[\ufdd0-\ufdef]/g

/** The mark that starts a style. */
export const markOf = (style: Style): string => String.fromCharCode(FIRST + NAMES.indexOf(style))

/** Text without its marks. */
export const withoutMarks = (text: string): string => text.replace(MARK, '')

/**
 * The output to a terminal for one line of text. Marks become colours if `colored`; everything else is made printable.
 */
export const onTerminal = (text: string, colored: boolean): string =>
  printable(text).replace(MARK, (mark) => {
    const style = NAMES[mark.charCodeAt(0) - FIRST]
    return colored && style !== undefined ? `\u001b[${STYLES[style]}m` : `\\u${mark.charCodeAt(0).toString(16)}`
  })
