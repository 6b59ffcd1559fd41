// Runs a program on two peers and finds the first reply in which they differ.
//
// Found a difference, it runs the program again with one command a step, so that
// the command can be named, and then leaves out what is not needed to show it.

import { type Frame, frameBytes, frameText, printable, scanFrames } from './frames.ts'
import { CONNECTIONS } from './generator.ts'
import { knownDifference } from './known-differences.ts'
import type { Peer } from './peers.ts'
import { type Command, encodeCommand, encodeInline, type Program, type Step, showStep } from './program.ts'

export interface Difference {
  /** Index of the step. */
  step: number
  connection: number
  text: string
}

/** Commands before a step that may still be answered in it (queued in MULTI, parked). */
const REMEMBERED_COMMANDS = 400
/** Runs that making a program shorter may take. */
const SHORTENING_RUNS_MAX = 1500

/** Runs a program on both; undefined when all replies were equal. */
export async function compare(ours: Peer, theirs: Peer, steps: readonly Step[]): Promise<Difference | undefined> {
  await ours.reset(CONNECTIONS)
  await theirs.reset(CONNECTIONS)
  const recent: Command[][] = Array.from({ length: CONNECTIONS }, () => [])
  for (let i = 0; i < steps.length; i++) {
    const step = steps[i]!
    let failure: Failure | undefined
    try {
      failure = await runStep(ours, theirs, step, recent)
    } catch (error) {
      failure = {
        connection: step.connection,
        text: `threw ${error instanceof Error ? error.stack : error}`,
      }
    }
    if (failure !== undefined) return { step: i, ...failure }
  }
  const wrong = ours.verify()
  return wrong === undefined ? undefined : { step: steps.length - 1, connection: 0, text: wrong }
}

interface Failure {
  connection: number
  text: string
}

async function runStep(ours: Peer, theirs: Peer, step: Step, recent: Command[][]): Promise<Failure | undefined> {
  if (step.kind === 'scan') {
    const sets = [await scanAll(ours, step), await scanAll(theirs, step)]
    if (sets[0] !== sets[1]) return { connection: step.connection, text: `ours:   ${sets[0]}\ntheirs: ${sets[1]}` }
    return undefined
  } else if (step.kind === 'random-key') {
    const problems = [await checkRandomKey(ours, step.connection), await checkRandomKey(theirs, step.connection)]
    if (problems[0] !== problems[1]) {
      return { connection: step.connection, text: `ours: ${problems[0]}\ntheirs: ${problems[1]}` }
    }
    return undefined
  } else {
    const memory = recent[step.connection]!
    memory.push(...step.commands)
    if (memory.length > REMEMBERED_COMMANDS)
      memory.splice(0, memory.length - Math.max(REMEMBERED_COMMANDS, step.commands.length))
    ours.send(step.connection, encode(ours, step))
    theirs.send(step.connection, encode(theirs, step))
    if (step.kind === 'wait') {
      await ours.wait(step.ms)
      await theirs.wait(step.ms)
    }
  }
  await ours.settle()
  await theirs.settle()
  for (let connection = 0; connection < CONNECTIONS; connection++) {
    const left = ours.take(connection)
    const right = theirs.take(connection)
    let text = compareReplies(left.bytes, right.bytes, step, connection, recent[connection]!)
    // A reply larger than a socket's buffer comes in several turns.
    while (
      text !== undefined &&
      (await moreCame(ours, left, connection, await moreCame(theirs, right, connection, false)))
    ) {
      text = compareReplies(left.bytes, right.bytes, step, connection, recent[connection]!)
    }
    if (text !== undefined) return { connection, text }
    if (left.closed !== right.closed && !(await bothClose(ours, theirs, connection))) {
      return { connection, text: `connection closed: ours ${left.closed}, theirs ${right.closed}` }
    }
    if (left.closed || right.closed) {
      await ours.reopen(connection)
      await theirs.reopen(connection)
      recent[connection] = []
    }
  }
  return undefined
}

/** Adds what arrived since the last look; says whether anything did, here or `before`. */
async function moreCame(
  peer: Peer,
  received: { bytes: string; closed: boolean },
  connection: number,
  before: boolean,
): Promise<boolean> {
  await peer.settle()
  const { bytes, closed } = peer.take(connection)
  received.bytes += bytes
  received.closed = closed
  return before || bytes !== ''
}

/** A closed socket shows itself a little later than the last bytes that came through it. */
async function bothClose(ours: Peer, theirs: Peer, connection: number): Promise<boolean> {
  for (let i = 0; i < 10; i++) {
    await ours.settle()
    await theirs.settle()
    if (ours.take(connection).closed && theirs.take(connection).closed) return true
  }
  return false
}

function encode(peer: Peer, step: Step): string {
  if (step.kind === 'raw') return step.bytes
  const idOf = (connection: number) => peer.idOf(connection)
  const inline = step.kind === 'send' && step.inline
  let text = ''
  for (const command of step.commands) {
    // A line cannot say the empty request, and an array can.
    text += inline && command.length > 0 ? encodeInline(command, idOf) : encodeCommand(command, idOf)
  }
  return text
}

// ── comparing ───────────────────────────────────────────────────────────────

function compareReplies(
  ours: string,
  theirs: string,
  step: Step,
  connection: number,
  commands: Command[],
): string | undefined {
  if (ours === theirs) return undefined
  const left = scanFrames(ours)
  const right = scanFrames(theirs)
  const mine = step.connection === connection
  if (step.kind === 'send') {
    // 7.0 puts a message that a client sends to itself before the command's reply, or in the middle of EXEC's; 7.2 after it.
    left.frames = messagesLast(left.frames)
    right.frames = messagesLast(right.frames)
  }
  sortPatternMessages(left.frames)
  sortPatternMessages(right.frames)
  const count = Math.max(left.frames.length, right.frames.length)
  for (let i = 0; i < count; i++) {
    const a = left.frames[i]
    const b = right.frames[i]
    if (a === undefined || b === undefined) {
      return describe(i, a === undefined ? left.rest : frameBytes(a), b === undefined ? right.rest : frameBytes(b))
    }
    if (mine && step.kind === 'unordered' && sorted(a) === sorted(b)) continue
    if (mine && step.kind === 'shape' && a.type === b.type) continue
    if (!sameFrame(a, b, undefined, commands)) return describe(i, frameBytes(a), frameBytes(b))
  }
  if (left.rest !== right.rest) return describe(count, left.rest, right.rest)
  return undefined
}

function describe(index: number, ours: string, theirs: string): string {
  let common = 0
  while (common < ours.length && ours[common] === theirs[common]) common++
  const far =
    common > 200
      ? `\n  (the first ${common} bytes are equal; then ours ${printable(ours.slice(common), 80)}, theirs ${printable(theirs.slice(common), 80)})`
      : ''
  return `reply ${index} of this connection in the step\n  ours:   ${printable(ours)}\n  theirs: ${printable(theirs)}${far}`
}

function sameFrame(a: Frame, b: Frame, previous: Frame | undefined, commands: Command[]): boolean {
  const same =
    a.head === b.head &&
    a.children.length === b.children.length &&
    a.children.every((child, i) => sameFrame(child, b.children[i]!, a.children[i - 1], commands))
  return same || knownDifference({ ours: a, theirs: b, previous, commands }) !== undefined
}

/** Replies in their order, then published messages in theirs. */
function messagesLast(frames: readonly Frame[]): Frame[] {
  const isMessage = (frame: Frame) => frame.type === '>' && /^p?message$|^smessage$/.test(frameText(frame.children[0]!))
  const messages = frames.flatMap((frame) => [...(isMessage(frame) ? [frame] : []), ...frame.pushes])
  return [...frames.filter((frame) => !isMessage(frame)), ...messages]
}

/** Redis walks its patterns in the order of a hash table: one message through several patterns of a client has no order. */
function sortPatternMessages(frames: Frame[]): void {
  for (let i = 0; i < frames.length; ) {
    const message = patternMessage(frames[i]!)
    let end = i + 1
    if (message !== undefined) {
      while (end < frames.length && patternMessage(frames[end]!) === message) end++
      const run = frames.slice(i, end).sort((a, b) => (frameBytes(a) < frameBytes(b) ? -1 : 1))
      frames.splice(i, run.length, ...run)
    }
    i = end
  }
}

/** Channel and payload of a pmessage; undefined for any other frame. */
function patternMessage(frame: Frame): string | undefined {
  if (frame.children.length !== 4 || frame.children[0]!.head !== '$8\r\npmessage\r\n') return undefined
  return frameBytes(frame.children[2]!) + frameBytes(frame.children[3]!)
}

function sorted(frame: Frame): string {
  return frame.head + frame.children.map(frameBytes).sort().join('')
}

// ── replies without an order ────────────────────────────────────────────────

async function askFrame(peer: Peer, connection: number, command: Command): Promise<Frame | undefined> {
  peer.send(
    connection,
    encodeCommand(command, (other) => peer.idOf(other)),
  )
  await peer.settle()
  return scanFrames(peer.take(connection).bytes).frames[0]
}

/** Elements of a whole iteration, sorted; a guarantee broken (an element missing) shows in the comparison. */
async function scanAll(peer: Peer, step: Step & { kind: 'scan' }): Promise<string> {
  const elements = new Set<string>()
  let cursor = '0'
  for (let rounds = 0; rounds < 1000; rounds++) {
    const frame = await askFrame(peer, step.connection, ['SCAN', cursor, ...step.options])
    if (frame === undefined) return 'no reply'
    const [next, page] = frame.children
    if (next === undefined || page === undefined) return frameBytes(frame)
    for (const element of page.children) elements.add(frameBytes(element))
    cursor = frameText(next)
    if (cursor === '0') return [...elements].sort().join(' ')
  }
  return 'the iteration does not end'
}

async function checkRandomKey(peer: Peer, connection: number): Promise<string> {
  const key = await askFrame(peer, connection, ['RANDOMKEY'])
  if (key === undefined) return 'no reply'
  const keys = await askFrame(peer, connection, ['KEYS', '*'])
  if (keys === undefined) return 'no reply to KEYS'
  if (keys.children.length === 0) return `${frameBytes(key)} of an empty database`
  return keys.children.some((other) => other.head === key.head) ? 'a key' : `${frameBytes(key)}, which is no key`
}

// ── reporting ───────────────────────────────────────────────────────────────

/** Describes a difference: the first command that shows it and the shortest program found that leads there. */
export async function report(ours: Peer, theirs: Peer, program: Program, found: Difference): Promise<string> {
  let steps = single(program.steps.slice(0, found.step + 1))
  let difference = await compare(ours, theirs, steps)
  let note = ''
  if (difference === undefined) {
    note = '\n(not seen with one command a step: it depends on what arrives in one read)'
    steps = program.steps.slice(0, found.step + 1)
    difference = (await compare(ours, theirs, steps)) ?? found
  }
  steps = steps.slice(0, difference.step + 1)
  steps = await shorten(ours, theirs, steps)
  difference = (await compare(ours, theirs, steps)) ?? difference
  const shown = steps.length > 60 ? [...steps.slice(0, 10), ...steps.slice(-50)] : steps
  return [
    `seed ${program.seed}: ${ours.name} and ${theirs.name} differ${note}`,
    `in the last of ${steps.length} steps, on connection ${difference.connection}:`,
    difference.text,
    'steps ([connection]  command):',
    ...shown.map(showStep),
    `again: DIFFERENTIAL_SEED=${program.seed} npx vitest run test/differential`,
  ].join('\n')
}

/** One command a step. */
function single(steps: readonly Step[]): Step[] {
  return steps.flatMap((step): Step[] =>
    step.kind === 'send' ? step.commands.map((command) => ({ ...step, commands: [command] })) : [step],
  )
}

/** Leaves out steps, halves first, as long as the two still differ in the same way. */
async function shorten(ours: Peer, theirs: Peer, steps: Step[]): Promise<Step[]> {
  let runs = 0
  let size = Math.ceil(steps.length / 2)
  while (size >= 1 && runs < SHORTENING_RUNS_MAX) {
    let removed = false
    for (let start = Math.max(0, steps.length - size); ; start = Math.max(0, start - size)) {
      const candidate = [...steps.slice(0, start), ...steps.slice(start + size)]
      if (candidate.length > 0 && runs++ < SHORTENING_RUNS_MAX) {
        const difference = await compare(ours, theirs, candidate)
        if (difference !== undefined) {
          steps = candidate.slice(0, difference.step + 1)
          removed = true
        }
      }
      if (start === 0 || runs >= SHORTENING_RUNS_MAX) break
      if (start > steps.length) start = steps.length
    }
    if (!removed || size > 1) {
      if (size === 1) break
      size = Math.floor(size / 2)
    }
  }
  return steps
}
