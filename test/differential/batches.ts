// Many commands in one write to both servers, replies in pairs: for tests that send tens of thousands.

import { frameBytes, scanFrames } from './frames.ts'
import type { EnginePeer, SocketPeer } from './peers.ts'
import { encodeCommand } from './program.ts'

export type Words = readonly (string | number)[]

export interface Answered {
  words: Words
  ours: string
  theirs: string
}

/** Sends commands to both on their first connection; returns what each answered, as latin1. */
export async function askBoth(ours: EnginePeer, theirs: SocketPeer, commands: readonly Words[]): Promise<Answered[]> {
  const replies: string[][] = []
  for (const peer of [ours, theirs]) {
    peer.send(0, commands.map((words) => encodeCommand(words.map(String), () => '')).join(''))
    let bytes = ''
    // A long answer comes in several turns.
    while (scanFrames(bytes).frames.length < commands.length) {
      await peer.settle()
      bytes += peer.take(0).bytes
    }
    replies.push(scanFrames(bytes).frames.map(frameBytes))
  }
  return commands.map((words, i) => ({ words, ours: replies[0]![i]!, theirs: replies[1]![i]! }))
}
