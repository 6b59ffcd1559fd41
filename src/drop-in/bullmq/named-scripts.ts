// BullMQ's scripts by name, shared by all of its clients on one broker.
//
// A script is called by its SHA1. It is loaded if the broker does not know it: at its first call,
// and after SCRIPT FLUSH.

import { createHash } from 'node:crypto'
import { CommandError } from '../../index.ts'
import { type Request, type Words, wordsOf } from './requests.ts'

interface Script {
  sha: string
  lua: string
  keyCount: number
}

/** Sends requests to the broker at once, one after the other. */
export interface Line {
  call(words: Words): Promise<unknown>
}

export class NamedScripts {
  readonly #byName = new Map<string, Script>()

  /** Names a script. A name may be given again for the same script. */
  define(name: string, lua: string, keyCount: number): void {
    if (this.#byName.has(name)) return
    this.#byName.set(name, { sha: createHash('sha1').update(lua).digest('hex'), lua, keyCount })
  }

  /** Calls a script singly. */
  async run(line: Line, name: string, args: readonly unknown[]): Promise<unknown> {
    const script = this.#named(name)
    try {
      return await line.call(callOf(script, args))
    } catch (error) {
      if (!(error instanceof CommandError) || error.code !== 'NOSCRIPT') throw error
      return line.call(['EVAL', script.lua, ...callOf(script, args).slice(2)])
    }
  }

  /** A call that is gathered with others; see `load`. */
  request(name: string, args: readonly unknown[]): Request & { script: string } {
    const script = this.#named(name)
    return { words: callOf(script, args), script: name }
  }

  /**
   * Loads the scripts that the broker does not know. Within a transaction it would be too late for
   * that.
   */
  async load(line: Line, names: Iterable<string>): Promise<void> {
    const scripts = [...names].map((name) => this.#named(name))
    const known = (await line.call(['SCRIPT', 'EXISTS', ...scripts.map(({ sha }) => sha)])) as number[]
    await Promise.all(scripts.filter((_, i) => known[i] !== 1).map(({ lua }) => line.call(['SCRIPT', 'LOAD', lua])))
  }

  #named(name: string): Script {
    const script = this.#byName.get(name)
    if (script === undefined) throw new Error(`no script is defined as '${name}'`)
    return script
  }
}

/** BullMQ passes the arguments of a script one by one, or all as one array. */
function callOf({ sha, keyCount }: Script, args: readonly unknown[]): Words {
  return wordsOf<Words>(args, ['EVALSHA', sha, keyCount])
}
