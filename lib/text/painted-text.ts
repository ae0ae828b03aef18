/**
 * Text with colours on its way to a terminal. A colour is a mark, one of Unicode's noncharacters, until the text is
 * written: so everything else that a terminal would obey can be made printable at the last moment, in one place.
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

/** The mark from which on text has a style. */
export const markOf = (style: Style): string => String.fromCharCode(FIRST + NAMES.indexOf(style))

/** Text without its marks. */
export const withoutMarks = (text: string): string => text.replace(MARK, '')

/** What a terminal is sent for a text without line breaks: marks are colours if it is to have any, nothing else is obeyed. */
export const onTerminal = (text: string, colored: boolean): string =>
  printable(text).replace(MARK, (mark) => {
    const style = NAMES[mark.charCodeAt(0) - FIRST]
    return colored && style !== undefined ? `\u001b[${STYLES[style]}m` : `\\u${mark.charCodeAt(0).toString(16)}`
  })
