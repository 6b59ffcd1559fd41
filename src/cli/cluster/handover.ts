// `respite cluster handover`: a broker that leads gives the lead to another one. For a planned stop,
// such as the preStop hook of a container: clients move before the broker ends.

import type { Terminal } from '../../prover/terminal.ts'
import { sleep } from '../../util/time/real-time.ts'
import {
  BrokerConnection,
  BrokerError,
  type Credentials,
  fieldIn,
  readCredentials,
  unlessClosed,
} from './broker-connection.ts'
import { type CommandLine, readAddress } from './command-line.ts'

/** A handover takes milliseconds; a busy log makes it wait. */
const LOOKS_MAX = 100
const LOOK_MS = 100

interface Place {
  readonly host: string
  readonly port: number
}

/** Returns 0 when the broker does not lead (any more), and 1 when no other has taken the lead. */
export async function handover(words: CommandLine, terminal: Terminal): Promise<number> {
  const place = readAddress(words.need('--node'))
  const toText = words.take('--to')
  const to = toText === undefined ? undefined : readAddress(toText)
  const entry = readCredentials(words)
  words.end()
  const before = await viewOf(place, entry)
  if (before.state === '') throw new BrokerError(`${place.host}:${place.port} is not a broker of a log`)
  if (before.state !== 'leading') {
    terminal.print(`It does not lead (${before.state}): there is nothing to hand over.`)
    return 0
  }
  if (to !== undefined && `${to.host}:${to.port}` === before.leader) {
    terminal.print(`${before.leader} leads already.`)
    return 0
  }
  await begin(place, to, entry)
  for (let looks = 0; looks < LOOKS_MAX; looks++) {
    // Connections of that moment may be closed with those of clients.
    const { leader, state } = await viewOf(place, entry).catch(unlessAway)
    if (state !== 'leading' && leader !== '' && leader !== before.leader) {
      terminal.print(`${leader} leads.`)
      return 0
    }
    await sleep(LOOK_MS)
  }
  throw new BrokerError('no other broker has taken the lead')
}

async function begin(place: Place, to: Place | undefined, entry: Credentials): Promise<void> {
  const node = await BrokerConnection.open(place, entry)
  try {
    // A node that stops being leader closes its client connections.
    await node.ask('FAILOVER', ...(to === undefined ? [] : ['TO', to.host, `${to.port}`])).catch(unlessClosed)
  } finally {
    node.close()
  }
}

interface View {
  /** The part that the broker takes in its log. */
  readonly state: string
  /** The leader that it knows; '' = none. */
  readonly leader: string
}

function unlessAway(error: Error): View {
  if (error instanceof BrokerError) return { state: '', leader: '' }
  throw error
}

async function viewOf(place: Place, entry: Credentials): Promise<View> {
  const node = await BrokerConnection.open(place, entry)
  try {
    const info = await node.ask('INFO', 'replication')
    return { state: fieldIn(info, 'log_state'), leader: fieldIn(info, 'log_leader') }
  } finally {
    node.close()
  }
}
