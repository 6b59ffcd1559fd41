// How commands are put together, as redis-server itself describes it in COMMAND DOCS.
//
// So a command that is added to the table is generated from the day it is added:
// nothing here names the arguments of any command.

import type { SocketPeer } from './peers.ts'

export interface Argument {
  name: string
  type: string
  token: string | undefined
  optional: boolean
  multiple: boolean
  multipleToken: boolean
  children: Argument[]
}

export interface Grammar {
  /** The words of the name: `CONFIG GET` has two. */
  words: string[]
  group: string
  arguments: Argument[]
}

type Flat = unknown[]

/** Asks a server for the grammar of all its commands, by lower-case full name (`config|get`). */
export async function readGrammars(server: SocketPeer): Promise<Map<string, Grammar>> {
  const grammars = new Map<string, Grammar>()
  const add = (flat: Flat) => {
    for (let i = 0; i < flat.length; i += 2) {
      const name = flat[i] as string
      const docs = toMap(flat[i + 1] as Flat)
      grammars.set(name, {
        words: name.toUpperCase().split('|'),
        group: docs.get('group') as string,
        arguments: readArguments(docs.get('arguments') as Flat | undefined),
      })
      const subcommands = docs.get('subcommands') as Flat | undefined
      if (subcommands !== undefined) add(subcommands)
    }
  }
  add((await server.ask('COMMAND', 'DOCS')) as Flat)
  return grammars
}

function readArguments(list: Flat | undefined): Argument[] {
  return (list ?? []).map((item) => {
    const map = toMap(item as Flat)
    const flags = (map.get('flags') as string[] | undefined) ?? []
    return {
      name: map.get('name') as string,
      type: map.get('type') as string,
      token: map.get('token') as string | undefined,
      optional: flags.includes('optional'),
      multiple: flags.includes('multiple'),
      multipleToken: flags.includes('multiple_token') || flags.includes('multiple-token'),
      children: readArguments(map.get('arguments') as Flat | undefined),
    }
  })
}

function toMap(flat: Flat): Map<string, unknown> {
  const map = new Map<string, unknown>()
  for (let i = 0; i < flat.length; i += 2) map.set(flat[i] as string, flat[i + 1])
  return map
}
