// What the tests use of redlock, whose package.json does not lead to the types it ships.

declare module 'redlock' {
  import type { EventEmitter } from 'node:events'

  export interface Settings {
    retryCount: number
    retryDelay: number
    retryJitter: number
    automaticExtensionThreshold: number
  }

  export interface Lock {
    readonly value: string
    extend(durationMs: number): Promise<Lock>
    release(): Promise<unknown>
  }

  export default class Redlock extends EventEmitter {
    constructor(clients: Iterable<object>, settings?: Partial<Settings>)
    acquire(resources: string[], durationMs: number): Promise<Lock>
    using<T>(resources: string[], durationMs: number, routine: (signal: AbortSignal) => Promise<T>): Promise<T>
  }
}
