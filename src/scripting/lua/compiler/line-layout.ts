// Gives generated code the lines of its source, so that a JavaScript stack trace shows Lua lines.
//
// The generator puts a mark wherever something on a later line begins. At the end every mark
// becomes the missing line ends. A mark may stand only where JavaScript allows a line end.

import { itemAt } from '../../../util/array-reads.ts'

/** No literal contains it: `quote` escapes control characters. */
const MARK = '\x01'

export class LineMarks {
  #line = 1

  /**
   * Returns a mark for a line; empty when the code is on that line already, or beyond it, as
   * operators may be.
   */
  at(line: number): string {
    if (line <= this.#line) return ''
    this.#line = line
    return `${MARK}${line};`
  }
}

/** Turns marks into line ends. */
export function layOut(code: string): string {
  const pieces = code.split(MARK)
  let line = 1
  for (let i = 1; i < pieces.length; i++) {
    const piece = itemAt(pieces, i)
    const end = piece.indexOf(';')
    const wanted = Number(piece.slice(0, end))
    pieces[i] = '\n'.repeat(Math.max(0, wanted - line)) + piece.slice(end + 1)
    line = Math.max(line, wanted)
  }
  return pieces.join('')
}

/** No literal contains it either. */
const NOTE = '\x02'

/** Returns a note for laid-out code: a number that `notesIn` finds again. */
export function note(number: number): string {
  return `${NOTE}${number};`
}

/**
 * Returns the notes in laid-out code: their numbers by `line:column`, as if the notes were removed.
 */
export function notesIn(code: string): Map<string, number> {
  const places = new Map<string, number>()
  const [start = '', ...noted] = code.split(NOTE)
  let line = 1
  let column = 1
  const pass = (text: string): void => {
    const lastBreak = text.lastIndexOf('\n')
    for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) line++
    column = lastBreak < 0 ? column + text.length : text.length - lastBreak
  }
  pass(start)
  for (const piece of noted) {
    const end = piece.indexOf(';')
    places.set(`${line}:${column}`, Number(piece.slice(0, end)))
    pass(piece.slice(end + 1))
  }
  return places
}

/** Printable ASCII without quotes and backslashes: most keys and many strings. */
const PLAIN = /^[ !#-[\]-~]*$/

/**
 * A string literal for bytes: neither quotes, line ends nor control characters can end it early.
 */
export function quote(text: string): string {
  if (PLAIN.test(text)) return `"${text}"`
  return JSON.stringify(text).replace(
    /[\x7f\u2028\u2029]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
