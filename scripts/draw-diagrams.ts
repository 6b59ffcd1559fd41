// docs/diagrams: the house, the way of a request, of a kept message, and of a failover. `npm run
// docs` writes them.
//
// The house is drawn from the folders of src as they are: a folder that no floor names stops the
// script, and so does a floor whose folder is gone. The ways are told in FLOWS: boxes in a grid,
// and the arrows between them.

import { readdirSync } from 'node:fs'
import { type Box, Drawing, heightOfBox, MARGIN } from './svg-drawing.ts'

const SRC = new URL('../src/', import.meta.url)

/** Returns the files to write: path from the project's root → text. */
export function diagrams(): Map<string, string> {
  return new Map([
    ['docs/diagrams/house.svg', house()],
    ...FLOWS.map((flow): [string, string] => [`docs/diagrams/${flow.file}.svg`, flowDiagram(flow)]),
  ])
}

/** The folders under src, with the rooms in each. */
export function foldersOfSource(): Map<string, string[]> {
  const folders = foldersIn(SRC).map((name): [string, string[]] => [name, foldersIn(new URL(`${name}/`, SRC))])
  return new Map(folders)
}

function foldersIn(url: URL): string[] {
  const entries = readdirSync(url, { withFileTypes: true }).filter((entry) => entry.isDirectory())
  return entries.map(({ name }) => name).sort()
}

// ------------------------------------------------------------------------------------------------------------------
// the house

interface Folder {
  readonly name: string
  readonly text: string
  /** How much of the floor's width it takes, beside its neighbours. */
  readonly share?: number
  readonly kind?: Box['kind']
}

/**
 * From the roof to the cellar: each floor may import from every floor below it, and from none
 * above.
 */
const FLOORS: readonly (readonly Folder[])[] = [
  [{ name: 'console', text: 'The page of the console, in a browser: it knows the others by HTTP.' }],
  [{ name: 'cli', text: 'The program: arguments in, exit code out.' }],
  [{ name: 'prover', text: 'prove-durability: breaks machines, and checks that no promise was broken.' }],
  [{ name: 'drop-in', text: 'The broker under the interfaces of BullMQ, ioredis and test runners.' }],
  [{ name: 'index.ts', text: 'The public API.', kind: 'strong' }],
  [{ name: 'embedded', text: 'A broker without a socket: streams in the process, calls that return values.' }],
  [{ name: 'server', text: 'Sockets, TLS, signals; the order of a start and of a stop.' }],
  [
    { name: 'metrics', text: 'Figures for Prometheus, health and readiness, on an HTTP port of their own.' },
    { name: 'door', text: 'HTTP for browsers and functions: publish, subscribe, resume, commands.' },
  ],
  [{ name: 'monitoring', text: 'Figures of the last hour, alerts and stalls, for the console.' }],
  [{ name: 'commands', text: 'One command a file. The only code that knows the order of arguments.' }],
  [{ name: 'shards', text: 'Several shards, each on a log of its own; slots that move between them.' }],
  [{ name: 'replicated-log', text: 'The journal on a log of several machines: leading, following, quorum.' }],
  [
    { name: 'replication', text: 'Replicas, as Redis has them: leading some, following a primary.' },
    { name: 'cluster', text: 'The slot map of a node that stands alone, and its file.' },
  ],
  [
    { name: 'scripting', text: 'Lua 5.1, compiled to JavaScript; redis.call.', share: 2 },
    { name: 'channels', text: 'Channels that keep their messages.', share: 3 },
    { name: 'persistence', text: 'The append-only file, snapshots, RDB, the disk.', share: 3 },
  ],
  [
    {
      name: 'engine',
      text: 'The heart: clients, requests, conditions, data, waiting, effects, figures. No sockets, no files.',
      kind: 'strong',
    },
  ],
  [{ name: 'config', text: 'Settings: their rows, kinds and rules, and the configuration file.' }],
  [
    { name: 'acl', text: 'Users and their rules.', share: 2 },
    { name: 'broker', text: 'Publish and subscribe: fan-out.', share: 2 },
    { name: 'queues', text: 'Waiters: on which key, in which order.', share: 2 },
    { name: 'store', text: 'The data: keyspace, expiry, structures, and their memory.', share: 4 },
  ],
  [{ name: 'protocol', text: 'Bytes to requests, replies to bytes.' }],
  [{ name: 'util', text: 'Tools without domain words.' }],
]

const HOUSE_WIDTH = 1000
const FLOOR_GAP = 8

/** Draws the floors of src, from the program down to the tools. */
function house(): string {
  const rooms = foldersOfSource()
  const drawn = new Set(FLOORS.flat().map(({ name }) => name))
  for (const name of rooms.keys()) if (!drawn.has(name)) throw new Error(`src/${name} stands on no floor of the house`)
  for (const name of drawn) {
    if (!rooms.has(name) && name !== 'index.ts') throw new Error(`the house has a folder that src has not: ${name}`)
  }
  const drawing = new Drawing(
    HOUSE_WIDTH,
    'The house: the folders of src, and the rooms in them',
    `Floors from top to bottom; imports point down only. ${FLOORS.map((floor) => floor.map(({ name }) => name).join(', ')).join('; ')}.`,
  )
  let y = 44
  for (const floor of FLOORS) {
    const shares = floor.reduce((sum, { share = 1 }) => sum + share, 0)
    const unit = (HOUSE_WIDTH - 2 * MARGIN - (floor.length - 1) * FLOOR_GAP) / shares
    const boxes = floor.map(({ share = 1, ...folder }) => ({
      ...folder,
      width: Math.floor(unit * share),
      rooms: rooms.get(folder.name) ?? [],
    }))
    const height = Math.max(...boxes.map(heightOfBox))
    let x = MARGIN
    for (const box of boxes) {
      drawing.box({ ...box, x, y, height })
      x += box.width + FLOOR_GAP
    }
    y += height + FLOOR_GAP
  }
  drawing.note(
    { x: MARGIN, y: y + 12 },
    'A folder imports from the floors below it, never from above, and never from a neighbour.',
  )
  return drawing.toString()
}

// -------------------------------------------------------------------------------------------------------------------
// the ways

interface Step {
  readonly column: number
  readonly name: string
  readonly text: string
  readonly kind?: Box['kind']
}

interface Row {
  readonly caption: string
  readonly steps: Readonly<Record<string, Step>>
}

interface Flow {
  readonly file: string
  readonly title: string
  readonly description: string
  readonly columns: number
  readonly rows: readonly Row[]
  /** From which step to which, and what is said beside the arrow. */
  readonly arrows: readonly (readonly [from: string, to: string, label?: string])[]
}

const STEP_WIDTH = 205
const STEP_GAP = 40
const ROW_GAP = 34
const CAPTION_HEIGHT = 26
/** Arrows between rows begin and end near the right edge of their boxes, beside the captions. */
const ARROW_INSET = 24

/**
 * Draws rows of steps, and arrows from step to step: beside each other, or down through the gap
 * between two rows.
 */
function flowDiagram({ title, description, columns, rows, arrows }: Flow): string {
  const width = columns * STEP_WIDTH + (columns - 1) * STEP_GAP + 4 * MARGIN
  const drawing = new Drawing(width, title, description)
  const boxes = new Map<string, Box>()
  let y = 44
  for (const { caption, steps } of rows) {
    const height = Math.max(...Object.values(steps).map((step) => heightOfBox({ ...step, width: STEP_WIDTH })))
    drawing.band({ x: MARGIN, y, width: width - 2 * MARGIN, height: height + CAPTION_HEIGHT + MARGIN }, caption)
    for (const [id, { column, ...step }] of Object.entries(steps)) {
      const x = 2 * MARGIN + column * (STEP_WIDTH + STEP_GAP)
      const box = { ...step, x, y: y + CAPTION_HEIGHT, width: STEP_WIDTH, height }
      boxes.set(id, box)
      drawing.box(box)
    }
    y += height + CAPTION_HEIGHT + MARGIN + ROW_GAP
  }
  for (const [from, to, label] of arrows) drawArrow(drawing, boxOf(boxes, from), boxOf(boxes, to), label)
  return drawing.toString()
}

function boxOf(boxes: ReadonlyMap<string, Box>, id: string): Box {
  const box = boxes.get(id)
  if (box === undefined) throw new Error(`an arrow names a step that is not there: ${id}`)
  return box
}

function drawArrow(drawing: Drawing, from: Box, to: Box, text?: string): void {
  const middle = from.y + from.height / 2
  if (from.y === to.y) {
    const isRightwards = to.x > from.x
    const start = { x: isRightwards ? from.x + from.width : from.x, y: middle }
    const end = { x: isRightwards ? to.x : to.x + to.width, y: middle }
    const label = text === undefined ? undefined : { text, x: Math.min(start.x, end.x) + 4, y: middle - 6 }
    drawing.arrow([start, end], label)
    return
  }
  const isDown = to.y > from.y
  const start = { x: from.x + from.width - ARROW_INSET, y: isDown ? from.y + from.height : from.y }
  const end = { x: to.x + to.width - ARROW_INSET, y: isDown ? to.y : to.y + to.height }
  // Through the gap above or below the row that the arrow comes from, which holds no box.
  const gap = isDown ? start.y + MARGIN + ROW_GAP / 2 : start.y - CAPTION_HEIGHT - ROW_GAP / 2
  const label = text === undefined ? undefined : { text, x: Math.min(start.x, end.x) + 6, y: gap - 5 }
  drawing.arrow(start.x === end.x ? [start, end] : [start, { x: start.x, y: gap }, { x: end.x, y: gap }, end], label)
}

const REQUEST: Flow = {
  file: 'request',
  title: 'The way of a request',
  description:
    'A request is parsed, looked up, admitted and run. After the unit (a command, a script or EXEC) its effects are handed on. At the end of the turn the journal is written, then replies leave.',
  columns: 4,
  rows: [
    {
      caption: 'Bytes come in',
      steps: {
        transport: {
          column: 0,
          name: 'Transport',
          text: 'A socket, TLS, or a stream in the process. server/, embedded/',
        },
        parser: {
          column: 1,
          name: 'RequestParser',
          text: 'Finds the request in the read buffer. Copies nothing. protocol/',
        },
        dispatch: { column: 2, name: 'Dispatch', text: 'Is the command known? Has it the right number of arguments?' },
        admission: {
          column: 3,
          name: 'Admission',
          text: 'Rights, slot, memory, disk, loading, pause. Asked only if something is special.',
        },
      },
    },
    {
      caption: 'The command runs',
      steps: {
        refused: {
          column: 3,
          name: 'It does not run',
          text: 'Refused: an error reply. Postponed: it waits. MULTI: it is queued.',
          kind: 'refused',
        },
        runner: {
          column: 2,
          name: 'Runner',
          text: 'command.run(call), with one reading of the clock.',
          kind: 'strong',
        },
        data: { column: 1, name: 'Data', text: 'store/, broker/ or queues/. Every change passes the gate.' },
        reply: { column: 0, name: 'Reply', text: "Into the client's output. Nothing is sent yet." },
      },
    },
    {
      caption: 'After the unit',
      steps: {
        watch: { column: 0, name: 'Changes', text: 'WATCH, keyspace events and client-side caches are told.' },
        effects: { column: 1, name: 'Effects', text: 'Commands that replay to the same state go to the sinks.' },
        waiters: { column: 2, name: 'Waiters', text: 'Clients parked on the keys are served, in order of arrival.' },
      },
    },
    {
      caption: 'At the end of the turn',
      steps: {
        journal: { column: 0, name: 'journal.write', text: 'All effects of the turn, in one write.', kind: 'kept' },
        sync: {
          column: 1,
          name: 'fsync',
          text: "If the key's policy is always. Its replies wait for it.",
          kind: 'kept',
        },
        flush: { column: 2, name: 'Flush', text: "Each client's replies leave, in one write." },
      },
    },
  ],
  arrows: [
    ['transport', 'parser'],
    ['parser', 'dispatch'],
    ['dispatch', 'admission'],
    ['dispatch', 'runner'],
    ['admission', 'refused'],
    ['admission', 'runner', 'admitted'],
    ['runner', 'data'],
    ['data', 'reply'],
    ['reply', 'watch'],
    ['watch', 'effects'],
    ['effects', 'waiters'],
    ['waiters', 'journal'],
    ['journal', 'sync'],
    ['sync', 'flush'],
  ],
}

const KEPT_MESSAGE: Flow = {
  file: 'kept-message',
  title: 'The way of a kept message',
  description:
    'A message to a channel with a rule becomes an entry of a stream before any subscriber hears it. A reader stands for each subscriber: live, or behind and reading the stream.',
  columns: 4,
  rows: [
    {
      caption: 'Publishing',
      steps: {
        publish: {
          column: 0,
          name: 'PUBLISH',
          text: 'Or SPUBLISH, a script, a keyspace event, a message whose time has come.',
        },
        rule: {
          column: 1,
          name: 'Is there a rule?',
          text: 'Rules name channels by pattern. A channel without one behaves as in Redis.',
        },
        log: {
          column: 2,
          name: 'ChannelLog',
          text: 'The message becomes an entry of a stream, in the same unit.',
          kind: 'kept',
        },
        journal: {
          column: 3,
          name: 'Effects',
          text: 'Journal, snapshots and replicas get the entry, as any write.',
          kind: 'kept',
        },
      },
    },
    {
      caption: 'Fan-out',
      steps: {
        plain: { column: 1, name: 'Fan-out', text: 'The broker hands the message to every subscriber.' },
        reader: {
          column: 2,
          name: 'Reader',
          text: 'Stands in the broker for one subscription under a rule.',
          kind: 'strong',
        },
        behind: { column: 3, name: 'Behind', text: 'Away or slow: reads the stream, 64 KiB at a time.' },
      },
    },
    {
      caption: 'Subscribers',
      steps: {
        subscriber: { column: 1, name: 'Without a rule', text: 'Hears it now, at most once, as in Redis.' },
        live: {
          column: 2,
          name: 'Under a rule',
          text: 'Hears it at least once, in order, also after an absence if it has a name.',
        },
        position: {
          column: 3,
          name: 'Position',
          text: 'How far a named subscriber has heard: a hash, so data too.',
          kind: 'kept',
        },
      },
    },
  ],
  arrows: [
    ['publish', 'rule'],
    ['rule', 'log', 'yes'],
    ['rule', 'plain', 'no'],
    ['log', 'journal'],
    ['log', 'reader', 'kept first'],
    ['reader', 'behind'],
    ['plain', 'subscriber'],
    ['reader', 'live', 'live'],
    ['behind', 'live'],
    ['live', 'position'],
  ],
}

const FAILOVER: Flow = {
  file: 'failover',
  title: 'The way of a failover, on a replicated log',
  description:
    'The leader falls silent. A follower that has read nothing for three seconds, and has read all of the log, writes an epoch record. From then on it leads, and records of the old epoch do not count.',
  columns: 4,
  rows: [
    {
      caption: 'The old leader',
      steps: {
        leads: {
          column: 0,
          name: 'Leads',
          text: 'Each reply waits until its record is in the log, and for the lease: 2 s from the sending of a record.',
        },
        lease: {
          column: 1,
          name: 'Falls silent',
          text: 'Killed, suspended, or cut off. Its lease ends after 2 s: it answers no more.',
          kind: 'refused',
        },
        back: {
          column: 3,
          name: 'Follows',
          text: "Closes its clients' connections, goes back to its own file and reads on.",
        },
      },
    },
    {
      caption: 'The log',
      steps: {
        records: {
          column: 0,
          name: 'Records of epoch 7',
          text: 'Acknowledged once most servers of the log have them on disk.',
          kind: 'kept',
        },
        silence: {
          column: 1,
          name: 'Silence',
          text: 'No record comes, not even the heartbeat of every 0.5 s.',
          kind: 'kept',
        },
        epoch: {
          column: 2,
          name: 'Epoch record 8',
          text: 'The log takes it only behind the last record.',
          kind: 'kept',
        },
        fenced: { column: 3, name: 'Late records of epoch 7', text: 'Count nowhere, for no reader.', kind: 'kept' },
      },
    },
    {
      caption: 'A follower',
      steps: {
        follows: { column: 0, name: 'Follows', text: 'Applies records in order. Serves reads.' },
        asks: {
          column: 1,
          name: 'Waits 3 s',
          text: 'Longer than a lease. Then it asks the log for its end, and reads all of it.',
        },
        stands: { column: 2, name: 'Stands', text: 'Appends an epoch record. One follower succeeds.', kind: 'strong' },
        takes: { column: 3, name: 'Leads', text: 'Serves clients once the record is in the log.', kind: 'strong' },
      },
    },
  ],
  arrows: [
    ['leads', 'records'],
    ['records', 'follows'],
    ['leads', 'lease'],
    ['lease', 'silence'],
    ['silence', 'asks'],
    ['follows', 'asks'],
    ['asks', 'stands'],
    ['stands', 'epoch'],
    ['stands', 'takes'],
    ['epoch', 'fenced'],
    ['fenced', 'back'],
  ],
}

const FLOWS = [REQUEST, KEPT_MESSAGE, FAILOVER]
