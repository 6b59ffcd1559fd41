// `broker.commands` and `broker.sync`: methods for every command, and the calls behind them.

import type { CommandTable } from '../../engine/spec/command-table.ts'
import type { CommandWords, Word } from '../argument-checks.ts'
import type { CommandReply } from '../caller.ts'
import type { SyncCalls } from '../sync-calls.ts'
import { methodsOf } from './methods.ts'
import type { TypedCommands } from './typed-commands.ts'

/** Every command as a method that returns a promise. */
export type Commands = TypedCommands<string, 'promised'> & {
  /** The same methods, with the strings of replies as bytes. */
  readonly buffers: TypedCommands<Buffer, 'promised'>
}

/** Every command that can answer at once, as a method that returns the reply. */
export type SyncCommands = TypedCommands<string, 'at-once'> & {
  /** The same methods, with the strings of replies as bytes. */
  readonly buffers: TypedCommands<Buffer, 'at-once'>
  /**
   * Runs a command; see `Broker.call`. Throws CommandError, and an Error for a command that may
   * have to wait.
   */
  call(command: string, ...words: Word[]): CommandReply<string>
  /** Like `call`, with the strings of the reply as bytes. */
  callBuffer(command: string, ...words: Word[]): CommandReply<Buffer>
  /** Runs commands as MULTI/EXEC does; see `Broker.transaction`. */
  transaction(commands: readonly CommandWords[]): CommandReply<string>[]
}

type Promising = (command: string, words: readonly Word[], buffers: boolean) => Promise<unknown>

export function commandsOf(commands: CommandTable, call: Promising): Commands {
  const reject = (error: unknown): Promise<never> => Promise.reject(error)
  const methods = methodsOf(commands, (command, words) => call(command, words, false), reject)
  const buffers = methodsOf(commands, (command, words) => call(command, words, true), reject)
  return withFields<Commands>(methods, { buffers })
}

/** `check` throws when the broker is closed. */
export function syncCommandsOf(commands: CommandTable, calls: SyncCalls, check: () => void): SyncCommands {
  const run = (command: string, words: readonly Word[], buffers: boolean): unknown => {
    check()
    return calls.call(command, words, buffers)
  }
  const raise = (error: unknown): never => {
    throw error
  }
  return withFields<SyncCommands>(
    methodsOf(commands, (command, words) => run(command, words, false), raise),
    {
      buffers: methodsOf(commands, (command, words) => run(command, words, true), raise),
      call: (command: string, ...words: Word[]) => run(command, words, false),
      callBuffer: (command: string, ...words: Word[]) => run(command, words, true),
      transaction: (requests: readonly CommandWords[]) => {
        check()
        return calls.transaction(requests)
      },
    },
  )
}

function withFields<T>(methods: object, fields: Record<string, unknown>): T {
  for (const [name, value] of Object.entries(fields)) Object.defineProperty(methods, name, { value })
  return methods as T
}
