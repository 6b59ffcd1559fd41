// The streams that are open: how many each address and each user has, and their common end.

import type { Engine } from '../../commands/call.ts'
import type { HttpFigures } from '../../engine/figures/http-figures.ts'
import { NameMap } from '../../util/tables/name-map.ts'
import { HttpError } from '../exchanges/http-error.ts'
import { WriteGatherer } from './write-gatherer.ts'

/** A stream that is open. */
export interface OpenStream {
  /** Ends it; the other side comes back, here or at another node. */
  end(): void
}

export class OpenStreams {
  readonly figures: HttpFigures
  readonly writes: WriteGatherer
  readonly #engine: Engine
  readonly #all = new Set<OpenStream>()
  /** `address IP` or `user NAME` → its streams. */
  readonly #counts = new NameMap<number>()
  #isReplica: boolean

  constructor(engine: Engine, figures: HttpFigures) {
    this.#engine = engine
    this.figures = figures
    this.writes = new WriteGatherer(engine.environment.workClock)
    const { role } = engine.effects
    this.#isReplica = role.isReplica
    role.changed.add(() => {
      // Which node keeps messages, and so has ids, is another question from here on.
      if (role.isReplica !== this.#isReplica) this.endAll()
      this.#isReplica = role.isReplica
    })
  }

  /** Counts a stream, which `release` ends. Throws HttpError where there are too many. */
  admit(ip: string, user: string): () => void {
    const { config } = this.#engine
    const address = `address ${ip}`
    const name = `user ${user}`
    // A program's server may not tell the address.
    if (ip !== '') this.#check(address, config.get('http-streams-per-address'))
    this.#check(name, config.get('http-streams-per-user'))
    this.#count(address, 1)
    this.#count(name, 1)
    this.figures.streams++
    return () => {
      this.#count(address, -1)
      this.#count(name, -1)
      this.figures.streams--
    }
  }

  add(stream: OpenStream): void {
    this.#all.add(stream)
  }

  remove(stream: OpenStream): void {
    this.#all.delete(stream)
  }

  endAll(): void {
    for (const stream of [...this.#all]) stream.end()
  }

  #check(name: string, max: number): void {
    if ((this.#counts.get(name) ?? 0) >= max)
      throw new HttpError(429, 'too many streams are open', { 'Retry-After': '5' })
  }

  #count(name: string, by: 1 | -1): void {
    const count = (this.#counts.get(name) ?? 0) + by
    if (count === 0) this.#counts.delete(name)
    else this.#counts.set(name, count)
  }
}
