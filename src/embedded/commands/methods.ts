// Commands as methods. Each method is made when it is first used, from the command's spec.

import type { CommandTable } from '../../engine/spec/command-table.ts'
import type { Word } from '../argument-checks.ts'
import { methodOf, partsOf } from './parameters.ts'
import { RequestWords } from './request-words.ts'

/** Runs a command. */
export type RunCommand = (command: string, words: readonly Word[]) => unknown

/**
 * Makes an object with a method for every command. For a refused call the method returns, or
 * throws, the result of `fail`.
 */
export function methodsOf(commands: CommandTable, run: RunCommand, fail: (error: unknown) => unknown): object {
  let names: ReadonlyMap<string, string> | undefined
  const make = (methods: object, property: string | symbol): unknown => {
    if (typeof property !== 'string') return undefined
    // Most methods have the name of their command. Then no other command has to be loaded.
    let command = commands.get(property)
    if (command?.run === undefined || command.name !== property) {
      names ??= new Map([...commands.all()].map(({ name }) => [methodOf(name), name]))
      const name = names.get(property)
      command = name === undefined ? undefined : commands.get(name)
    }
    if (command?.run === undefined) return undefined
    const method = methodFor(command.name, new RequestWords(property, partsOf(command.spec.args ?? [])), run, fail)
    // From now on the method is a property of its own.
    Object.defineProperty(methods, property, { value: method, enumerable: true })
    return method
  }
  const maker = new Proxy(Object.create(null) as object, {
    get: (_, property, methods: object) => make(methods, property),
  })
  return Object.create(maker) as object
}

function methodFor(
  name: string,
  request: RequestWords,
  run: RunCommand,
  fail: (error: unknown) => unknown,
): (...values: unknown[]) => unknown {
  const [command = name, ...subcommand] = name.toUpperCase().split('|')
  return (...values) => {
    let words: readonly Word[]
    try {
      words = request.of(values)
    } catch (error) {
      return fail(error)
    }
    return run(command, subcommand.length === 0 ? words : [...subcommand, ...words])
  }
}
