// Scripts of Upstash's clients, which may begin with `#!lua flags=allow-key-locking`.
//
// The flag is Upstash's own and concerns how its service locks keys. Redis refuses it, and so
// does EVAL here; over HTTP it is taken out. Clients know a script by the SHA-1 of its text, so
// both sums are remembered.

import { createHash } from 'node:crypto'
import type { Word } from '../clients/command-client.ts'

const FLAG = 'allow-key-locking'
/**
 * The most scripts that are remembered. A client whose script is forgotten gets NOSCRIPT and sends
 * it again.
 */
const SCRIPTS_MAX = 1000

export class UpstashScripts {
  /** SHA-1 of a script with the flag → SHA-1 of the script without it. */
  readonly #sums = new Map<string, string>()

  /** Returns the command to run. */
  translate(words: readonly Word[]): readonly Word[] {
    const [command, script] = words
    if (typeof command !== 'string' || typeof script !== 'string') return words
    if (/^eval(_ro)?$/i.test(command)) return this.#withScript(words, 1)
    if (/^evalsha(_ro)?$/i.test(command)) return this.#withSum(words, 1)
    if (/^script$/i.test(command) && /^load$/i.test(script)) return this.#withScript(words, 2)
    return words
  }

  #withScript(words: readonly Word[], at: number): readonly Word[] {
    const script = words[at]
    if (typeof script !== 'string' || !script.startsWith('#!')) return words
    const without = withoutFlag(script)
    if (without === script) return words
    if (this.#sums.size >= SCRIPTS_MAX) this.#sums.clear()
    this.#sums.set(sumOf(script), sumOf(without))
    return words.with(at, without)
  }

  #withSum(words: readonly Word[], at: number): readonly Word[] {
    const sum = this.#sums.get(String(words[at]).toLowerCase())
    return sum === undefined ? words : words.with(at, sum)
  }
}

/** Removes the flag from the first line; other flags stay. */
function withoutFlag(script: string): string {
  const end = script.indexOf('\n')
  const line = end < 0 ? script : script.slice(0, end)
  const cut = line.replace(/ flags=([\w,-]+)/, (all, flags: string) => {
    const others = flags.split(',').filter((flag) => flag !== FLAG)
    if (!flags.split(',').includes(FLAG)) return all
    return others.length === 0 ? '' : ` flags=${others.join(',')}`
  })
  return cut + (end < 0 ? '' : script.slice(end))
}

function sumOf(text: string): string {
  return createHash('sha1').update(text).digest('hex')
}
