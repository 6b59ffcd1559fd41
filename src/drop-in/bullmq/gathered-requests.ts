// Requests that are gathered and sent together: BullMQ's `multi()` and `pipeline()`.

import type { IRedisTransaction } from 'bullmq'
import { CommandError, type Word } from '../../index.ts'
import { itemAt } from '../../util/array-reads.ts'
import type { Line, NamedScripts } from './named-scripts.ts'
import { type Reply, type Request, requests, type Words } from './requests.ts'

/** Sends gathered requests, and returns one reply for each. */
export interface GatheredLine extends Line {
  readonly scripts: NamedScripts
  callTogether(commands: Words[], how: 'transaction' | 'pipeline'): Promise<Reply[]>
}

export class GatheredRequests implements IRedisTransaction {
  readonly #line: GatheredLine
  readonly #how: 'transaction' | 'pipeline'
  readonly #requests: Request[] = []
  readonly #scripts = new Set<string>()

  constructor(line: GatheredLine, how: 'transaction' | 'pipeline') {
    this.#line = line
    this.#how = how
  }

  hgetall(key: string): this {
    return this.#add(requests.hgetall(key))
  }

  hset(key: string, data: Record<string, string | number>): this {
    return this.#add(requests.hset(key, data))
  }

  hscan(key: string, cursor: string | number, options?: { COUNT?: number }): this {
    return this.#add(requests.hscan(key, cursor, options))
  }

  smembers(key: string): this {
    return this.#add(requests.smembers(key))
  }

  sscan(key: string, cursor: string | number, options?: { COUNT?: number }): this {
    return this.#add(requests.sscan(key, cursor, options))
  }

  zrange(key: string, start: number, end: number): this {
    return this.#add(requests.zrange(key, start, end))
  }

  lrange(key: string, start: number, end: number): this {
    return this.#add(requests.lrange(key, start, end))
  }

  llen(key: string): this {
    return this.#add(requests.llen(key))
  }

  del(...keys: string[]): this {
    return this.#add(requests.del(keys))
  }

  runCommand(name: string, args: unknown[]): this {
    this.#scripts.add(name)
    return this.#add(this.#line.scripts.request(name, args))
  }

  /** Any other command. */
  call(command: string, ...words: Word[]): this {
    return this.#add({ words: [command, ...words] })
  }

  /** Sends the gathered requests. Returns the error or the reply of each. */
  async exec(): Promise<[Error | null, unknown][]> {
    if (this.#scripts.size > 0) await this.#line.scripts.load(this.#line, this.#scripts)
    const commands = this.#requests.map(({ words }) => words)
    const replies = await this.#line.callTogether(commands, this.#how)
    return replies.map((reply, i) => {
      if (reply instanceof CommandError) return [reply, undefined]
      const { shape } = itemAt(this.#requests, i)
      return [null, shape === undefined ? reply : shape(reply)]
    })
  }

  #add(request: Request): this {
    this.#requests.push(request)
    return this
  }
}
