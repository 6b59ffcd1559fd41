// Compares the replies to some units of commands, and names the first command that was answered in another way.

import { type Frame, frameBytes, printable, scanFrames } from '../differential/frames.ts'
import type { Asked, Unit } from './traffic.ts'

export interface WrongReply {
  readonly database: number
  readonly command: Asked
  readonly text: string
}

/** Returns the first difference; undefined when all replies are equal. */
export function compareReplies(units: readonly Unit[], ours: Buffer, theirs: Buffer): WrongReply | undefined {
  if (ours.equals(theirs)) return undefined
  const left = scanFrames(ours.toString('latin1')).frames
  const right = scanFrames(theirs.toString('latin1')).frames
  let at = 0
  for (const unit of units) {
    const { commands, form, database } = unit
    // SELECT, and before EXEC's reply that of MULTI and one `QUEUED` for each command.
    const first = at + 1
    const ahead = form === 'transaction' ? 1 + commands.length : 0
    for (let i = 0; i < commands.length; i++) {
      const of = (frames: Frame[]): Frame | undefined =>
        form === 'plain' ? frames[first + i] : frames[first + ahead]?.children[i]
      const [a, b] = [of(left), of(right)]
      if (a === undefined && b === undefined) continue
      if (a === undefined || b === undefined || !isSame(commands[i]!, a, b))
        return { database, command: commands[i]!, text: describe(a, b) }
    }
    at = first + (form === 'plain' ? commands.length : ahead + 1)
    // A transaction that was refused as a whole, on one side alone.
    const [a, b] = [left[at - 1], right[at - 1]]
    if (form !== 'plain' && (a?.type !== b?.type || a?.children.length !== b?.children.length))
      return { database, command: commands.at(-1)!, text: describe(a, b) }
  }
  return undefined
}

function isSame({ reply }: Asked, a: Frame, b: Frame): boolean {
  if (reply === 'type') return a.type === b.type
  if (reply === 'members') return a.head === b.head && sorted(a) === sorted(b)
  return frameBytes(a) === frameBytes(b)
}

const sorted = (frame: Frame): string => frame.children.map(frameBytes).sort().join('')

function describe(a: Frame | undefined, b: Frame | undefined): string {
  const [ours, theirs] = [a, b].map((frame) => (frame === undefined ? 'nothing' : frameBytes(frame)))
  let common = 0
  while (common < ours!.length && ours![common] === theirs![common]) common++
  const from = Math.max(0, common - 40)
  return [
    `the replies differ from byte ${common}; from byte ${from}:`,
    `  ours:     ${printable(ours!.slice(from), 160)}`,
    `  expected: ${printable(theirs!.slice(from), 160)}`,
  ].join('\n')
}
