// maxmemory: what happens when there is no room, and what is remembered to decide it.
//
// Used memory is what the databases count as they allocate. Nothing is evicted
// yet: above the limit, commands that may use memory are refused, as under
// `noeviction`. Under an LFU policy each key counts its use on a logarithmic
// scale, which OBJECT FREQ shows: the higher the count, the rarer it goes up by
// one, and it goes down by one for every `lfu-decay-time` minutes without use.

import { ENGINE_MEMORY_LIMITED, type Engine } from './engine.ts'

/** A new key begins here, so that it is not the first to go; below it every use counts. */
const FREQUENCY_INITIAL = 5
const FREQUENCY_MAX = 255
const UINT32_RANGE = 2 ** 32

export class Eviction {
  readonly #engine: Engine

  constructor(engine: Engine) {
    this.#engine = engine
    engine.config.onChange('maxmemory', () => this.#configure())
    engine.config.onChange('maxmemory-policy', () => this.#configure())
    this.#configure()
  }

  /** Bytes that keys and values take, in all databases. */
  get usedBytes(): number {
    let bytes = 0
    const { databases } = this.#engine
    for (let i = 0; i < databases.length; i++) bytes += databases[i]!.usedBytes
    return bytes
  }

  /** Makes room for a command that may use memory; false when used memory stays above the limit. */
  makeRoom(): boolean {
    const limit = this.#engine.config.get('maxmemory')
    return limit === 0 || this.usedBytes <= limit
  }

  #configure(): void {
    const engine = this.#engine
    if (engine.config.get('maxmemory') === 0) engine.state &= ~ENGINE_MEMORY_LIMITED
    else engine.state |= ENGINE_MEMORY_LIMITED
    engine.frequency = engine.config.get('maxmemory-policy').endsWith('-lfu') ? this.#used : null
  }

  /** Returns a key's count after one more use; `lastUsed` is in seconds. */
  readonly #used = (frequency: number, lastUsed: number): number => {
    const { accessSeconds, config, random } = this.#engine
    const decay = config.get('lfu-decay-time')
    const minutes = Math.max(0, accessSeconds - lastUsed) / 60
    const rested = decay === 0 ? frequency : Math.max(0, frequency - Math.floor(minutes / decay))
    if (rested >= FREQUENCY_MAX) return FREQUENCY_MAX
    const above = Math.max(0, rested - FREQUENCY_INITIAL)
    const chance = 1 / (above * config.get('lfu-log-factor') + 1)
    return random.uint32() / UINT32_RANGE < chance ? rested + 1 : rested
  }
}
