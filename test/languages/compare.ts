// Compares the lines that a program printed with the expected text.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { EXAMPLES, type Program } from './programs.ts'

/** A thing that a program does: what it must print, and what it printed. */
export interface Seen {
  readonly thing: string
  /** The reason why the client has no such thing. */
  readonly lacks?: string
  /** The difference from the expected line. */
  readonly differs?: string
}

const LACKS = /^- not in this client: (.+)$/

/** The expected line of each thing that programs of a kind do, in order. */
export function expectedLines(kind: Program['kind']): ReadonlyMap<string, string> {
  const file = kind === 'jobs' ? 'expected-jobs.txt' : 'expected.txt'
  return linesOf(readFileSync(join(EXAMPLES, file), 'utf8'))
}

/** Compares the output of a program with the expected lines of the things that it was asked for. */
export function compare(expected: ReadonlyMap<string, string>, things: readonly string[], output: string): Seen[] {
  const printed = linesOf(output)
  return things.map((thing) => {
    const [want, got] = [expected.get(thing), printed.get(thing)]
    if (got === undefined) return { thing, differs: 'nothing was printed' }
    const lacks = LACKS.exec(got)?.[1]
    if (lacks !== undefined) return { thing, lacks }
    return got === want ? { thing } : { thing, differs: `printed "${got}" instead of "${want}"` }
  })
}

function linesOf(text: string): Map<string, string> {
  const found = [...text.matchAll(/^(\w+): (.*)$/gm)]
  return new Map(found.map(([, thing = '', line = '']) => [thing, line.trimEnd()]))
}
