// Options of the programs, as tables: the help, the man page, the completion of shells and the
// suggestion for an unknown option are made from them.

import { nearestName } from '../../util/bytes/nearest-name.ts'
import { UsageError } from '../usage-error.ts'

export interface ProgramOption {
  /** Its spellings; the first is the one that the program looks it up by. */
  readonly names: readonly string[]
  /** The word for its value in the help; undefined = it has none. */
  readonly value?: string
  readonly help: string
}

/** The width of the names in the help, and of the help as a whole. */
const NAMES_WIDTH = 26
const LINE_LENGTH_MAX = 110

/** Finds an option by any of its spellings. */
export function optionNamed(options: readonly ProgramOption[], word: string): ProgramOption | undefined {
  return options.find(({ names }) => names.includes(word))
}

/**
 * Makes the error for an option that is not in the table. It names the option that was probably
 * meant.
 */
export function unknownOption(options: readonly ProgramOption[], word: string): UsageError {
  const nearest = nearestName(
    word,
    options.flatMap(({ names }) => names.filter((name) => name.startsWith('--'))),
  )
  return new UsageError(`there is no option '${word}'${nearest === undefined ? '' : `: did you mean '${nearest}'?`}`)
}

/** Returns the lines of the help that list options. */
export function helpOf(options: readonly ProgramOption[]): string {
  return options.flatMap(linesOf).join('\n')
}

function linesOf({ help, names, value }: ProgramOption): string[] {
  const spelled = names.join(', ') + (value === undefined ? '' : ` ${value}`)
  const lines = wrapped(help, LINE_LENGTH_MAX - NAMES_WIDTH - 2)
  const indent = ' '.repeat(NAMES_WIDTH + 2)
  const rest = lines.slice(1).map((line) => indent + line)
  if (spelled.length >= NAMES_WIDTH) return [`  ${spelled}`, indent + (lines[0] ?? ''), ...rest]
  return [`  ${spelled.padEnd(NAMES_WIDTH)}${lines[0] ?? ''}`, ...rest]
}

/** Breaks a text at blanks into lines of `width` characters at most. */
function wrapped(text: string, width: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  lines.push(line)
  return lines
}
