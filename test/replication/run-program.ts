// A random program of all commands, run on one of several servers with the same data.

import { commands } from '../../src/commands/index.ts'
import { CONNECTIONS, Generator } from '../differential/generator.ts'
import { readGrammars } from '../differential/grammar.ts'
import type { SocketPeer } from '../differential/peers.ts'
import { encodeCommand, encodeInline, type Step } from '../differential/program.ts'

/** Commands of 7.4 or of this server: redis-server 7.2 cannot follow them. */
const BEYOND_REDIS = /^(H(P?EXPIRE|PERSIST|GETEX|SETEX)|CHANNEL)/i

/** Makes programs of the commands that `peer`, a redis-server, and this server both have. */
export async function createGenerator(peer: SocketPeer): Promise<Generator> {
  return new Generator(await readGrammars(peer), new Set(commands.map(({ name }) => name)))
}

/**
 * Runs a step, without commands that redis-server lacks, and reconnects clients that were
 * disconnected.
 */
export async function runStep(peer: SocketPeer, step: Step): Promise<void> {
  const idOf = (connection: number): string => peer.idOf(connection)
  if (step.kind === 'raw') {
    peer.send(step.connection, step.bytes)
  } else {
    const encode = step.kind === 'send' && step.inline === true ? encodeInline : encodeCommand
    const known = step.commands.filter((words) => !BEYOND_REDIS.test(String(words[0])))
    peer.send(step.connection, known.map((words) => encode(words, idOf)).join(''))
  }
  await peer.settle()
  for (let connection = 0; connection < CONNECTIONS; connection++) {
    if (peer.take(connection).closed) await peer.reopen(connection)
  }
}
