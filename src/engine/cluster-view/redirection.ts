// Where does a request belong: here, or to another node of the cluster?
//
// The keys of a request, of a transaction or of a script's call must lie in one slot, and the slot must be served here. What is
// answered otherwise is Redis's:
//
//   CROSSSLOT      its keys lie in several slots
//   MOVED, ASK     another node serves the slot; has the key, for this once, while the slot moves
//   TRYAGAIN       the slot moves, and some of the keys are here and some are not
//   CLUSTERDOWN    nobody serves the slot, or the cluster as a whole is not served
//
// A request for a slot that is held waits until it is known who owns it. Shard channels are routed as keys are, and so is PUBLISH where something is
// kept of the message: the channel's keys lie in the slot of its name. Whoever is parked on a key, or subscribed to a shard channel, is told when its slot leaves.
// Made where a cluster is; nobody else knows of it.

import { targetBytesOf } from '../../broker/group-name.ts'
import type { PubSub } from '../../broker/pub-sub.ts'
import type { Config } from '../../config/config.ts'
import type { Arguments } from '../../protocol/arguments.ts'
import { ReplyError } from '../../protocol/errors.ts'
import { itemAt } from '../../util/array-reads.ts'
import { Bytes } from '../../util/bytes/bytes.ts'
import { hashSlotOf } from '../../util/tables/hash-slot.ts'
import { CLIENT_ASKING, type Client } from '../clients/client.ts'
import type { Clients } from '../clients/clients.ts'
import { PostponedClients, type PostponedHost } from '../conditions/postponed.ts'
import type { Dataset } from '../data/dataset.ts'
import { transactionOf } from '../requests/transaction.ts'
import type { Command } from '../spec/command.ts'
import { findKeys } from '../spec/key-extraction.ts'
import type { Blocking } from '../waiting/blocking.ts'
import type { ClusterNode, ClusterView } from './cluster-view.ts'
import { preferredEndpoint } from './node-address.ts'

export interface RedirectionHost extends PostponedHost {
  readonly config: Config
  readonly data: {
    readonly dataset: Dataset
  }
  readonly clients: {
    readonly connected: Clients
    readonly pubSub: PubSub
  }
  readonly blocking: Blocking
}

/** Why a request is not served here. */
type Verdict = 'served' | 'held' | 'cross slot' | 'unstable' | 'ask' | 'moved' | 'unbound' | 'down' | 'down for writes'

const CROSS_SLOT = new ReplyError("CROSSSLOT Keys in request don't hash to the same slot")
const TRY_AGAIN = new ReplyError('TRYAGAIN Multiple keys request during rehashing of slot')
/** Not told to anybody: the request waits. */
const HELD = new ReplyError('TRYAGAIN The slot is being handed over')
const NOT_SERVED = new ReplyError('CLUSTERDOWN Hash slot not served')
const DOWN = new ReplyError('CLUSTERDOWN The cluster is down')
const READS_ONLY = new ReplyError('CLUSTERDOWN The cluster is down and only accepts read commands')

const DOWN_IN_SCRIPT = new ReplyError('ERR Script attempted to execute a command while the cluster is down')
const READS_ONLY_IN_SCRIPT = new ReplyError(
  'ERR Script attempted to execute a write command while the cluster is down and readonly',
)
const ELSEWHERE_IN_SCRIPT = new ReplyError('ERR Script attempted to access a non local key in a cluster node')
const CROSS_SLOT_IN_SCRIPT = new ReplyError('ERR Script attempted to access keys that do not hash to the same slot')

/** PUBLISH channel message; what has more says what is to be remembered. */
const PLAIN_PUBLISH_WORDS = 3

/** Keys, or shard channels, that stand where one key spec says: found without a list of them. */
interface PlainRoute {
  readonly first: number
  readonly last: number
  readonly step: number
  /** They are names of shard channels. */
  readonly areChannels: boolean
}

export class Redirection {
  readonly #host: RedirectionHost
  readonly #cluster: ClusterView
  /** Whose slot is held. */
  readonly #postponed: PostponedClients
  /** Command number → where its keys stand; null = they must be looked for; undefined = not asked yet. */
  readonly #routes: (PlainRoute | null | undefined)[] = []
  // What is found out about the request in hand.
  /** The slot of the keys of the request that runs, or of what its script has asked for; -1 = none yet. */
  #slot = -1
  #owner: ClusterNode | undefined = undefined
  #target: ClusterNode | undefined = undefined
  #isMigrating = false
  #isImporting = false
  readonly #firstKey = new Bytes()
  #hasSeveral = false
  #missing = 0
  #existing = 0

  constructor(host: RedirectionHost, cluster: ClusterView) {
    this.#host = host
    this.#cluster = cluster
    this.#postponed = new PostponedClients(host)
    cluster.changed.add(() => this.#follow())
    host.clients.connected.gone.add((client) => this.#postponed.forget(client))
  }

  /** Returns why a client's request is not served here; undefined = it is. `isWrite` = what it claims. */
  refusalOf(client: Client, command: Command, args: Arguments, isWrite: boolean): ReplyError | undefined {
    const verdict = this.#judge(client, command, args, isWrite)
    return verdict === 'served' ? undefined : this.#refusal(verdict, client)
  }

  /** Puts a request off if that is what was said of it; false = it is refused. */
  postpones(client: Client, args: Arguments, refusal: ReplyError): boolean {
    if (refusal !== HELD) return false
    this.#postponed.add(client, args)
    return true
  }

  /** As `refusalOf`, for what a client's script calls. A script that `crossesSlots` may ask for keys of several, one after the other. */
  refusalInScript(
    client: Client,
    command: Command,
    args: Arguments,
    isWrite: boolean,
    crossesSlots: boolean,
  ): ReplyError | undefined {
    const slot = this.#slot
    const verdict = this.#judge(client, command, args, isWrite)
    const asked = this.#slot
    this.#slot = slot
    if (verdict === 'down') return DOWN_IN_SCRIPT
    if (verdict === 'down for writes') return READS_ONLY_IN_SCRIPT
    if (verdict !== 'served') return ELSEWHERE_IN_SCRIPT
    if (crossesSlots || asked === -1) return undefined
    if (slot !== -1 && slot !== asked) return CROSS_SLOT_IN_SCRIPT
    this.#slot = asked
    return undefined
  }

  #refusal(verdict: Exclude<Verdict, 'served'>, client: Client): ReplyError {
    switch (verdict) {
      case 'held':
        return HELD
      case 'cross slot':
        return CROSS_SLOT
      case 'unstable':
        return TRY_AGAIN
      case 'unbound':
        return NOT_SERVED
      case 'down':
        return DOWN
      case 'down for writes':
        return READS_ONLY
      case 'ask':
        return this.#redirect('ASK', this.#target!, client)
      case 'moved':
        return this.#redirect('MOVED', this.#owner!, client)
    }
  }

  #redirect(word: 'ASK' | 'MOVED', node: ClusterNode, client: Client): ReplyError {
    const port = client.transport.isEncrypted ? node.tlsPort : node.port
    const endpoint = preferredEndpoint(node, this.#host.config) ?? ''
    return new ReplyError(`${word} ${this.#slot} ${endpoint}:${port}`)
  }

  #judge(client: Client, command: Command, args: Arguments, isWrite: boolean): Verdict {
    this.#slot = -1
    const isChannels = this.#routeOf(command)?.areChannels === true
    const isExec = command.spec.duringMulti === 'executes'
    const found = isExec ? this.#seeQueued(client) : this.#see(command, args, isChannels)
    if (found !== 'served') return found
    // Without keys it may run anywhere.
    if (this.#slot === -1) return 'served'
    const cluster = this.#cluster
    if (!cluster.isOk) {
      const { config } = this.#host
      if (isChannels) {
        if (!config.get('cluster-allow-pubsubshard-when-down')) return 'down'
      } else if (!config.get('cluster-allow-reads-when-down')) return 'down'
      else if (isWrite && !isExec) return 'down for writes'
    }
    if (this.#isMigrating || this.#isImporting) {
      // Keys are moved in either direction.
      if (command.name === 'migrate') return 'served'
      if (this.#isMigrating && this.#missing > 0) {
        this.#target = cluster.migratingTo(this.#slot)
        if (this.#existing > 0) return 'unstable'
        // Nothing keeps one from moving a slot to where it is.
        return this.#target === cluster.myself ? 'served' : 'ask'
      }
      if (this.#isImporting && ((client.state & CLIENT_ASKING) !== 0 || command.flags.has('asking'))) {
        return this.#hasSeveral && this.#missing > 0 ? 'unstable' : 'served'
      }
    }
    const { myself } = cluster
    if (this.#owner === myself || cluster.takesFrom(client, this.#slot)) return 'served'
    const reads = client.readsReplica || isChannels
    return reads && !isWrite && myself.primary !== undefined && myself.primary === this.#owner ? 'served' : 'moved'
  }

  #seeQueued(client: Client): Verdict {
    for (const { command, args } of transactionOf(client)?.queue ?? []) {
      const found = this.#see(command, args, false)
      if (found !== 'served') return found
    }
    return 'served'
  }

  /** Looks at the keys of one command. */
  #see(command: Command, args: Arguments, areChannels: boolean): Verdict {
    const route = this.#routeOf(command)
    if (route === null) {
      for (const { index } of findKeys(command, args) ?? []) {
        const found = this.#seeKey(args.bytes(index), areChannels)
        if (found !== 'served') return found
      }
      return 'served'
    }
    const { length } = args
    const last = route.last < 0 ? length + route.last : route.last
    if (last === 0) return this.#keepsMessage(command, args) ? this.#seeKey(args.bytes(1), true) : 'served'
    if (last >= length) return 'served'
    for (let i = route.first; i <= last; i += route.step) {
      const name = args.bytes(i)
      const found = this.#seeKey(route.areChannels ? targetBytesOf(name) : name, areChannels)
      if (found !== 'served') return found
    }
    return 'served'
  }

  /** It publishes what is kept, or is to be published later: there are keys for it. */
  #keepsMessage({ name }: Command, args: Arguments): boolean {
    return name === 'publish' && (args.length > PLAIN_PUBLISH_WORDS || this.#host.clients.pubSub.isKept(args.bytes(1)))
  }

  #seeKey(key: Bytes, isChannel: boolean): Verdict {
    const cluster = this.#cluster
    const slot = hashSlotOf(key)
    if (this.#slot === -1) {
      this.#slot = slot
      if (cluster.hasHeldSlots && cluster.isHeld(slot)) return 'held'
      const owner = cluster.ownerOf(slot)
      this.#owner = owner
      if (owner === undefined) return 'unbound'
      this.#isMigrating = false
      this.#isImporting = false
      if (!cluster.hasOpenSlots) return 'served'
      this.#isMigrating = owner === cluster.myself && cluster.migratingTo(slot) !== undefined
      this.#isImporting = !this.#isMigrating && cluster.importingFrom(slot) !== undefined
      this.#hasSeveral = false
      this.#missing = 0
      this.#existing = 0
      this.#firstKey.set(key.source, key.start, key.length)
    } else if (slot !== this.#slot) {
      return 'cross slot'
    } else if (this.#isImporting && !key.equals(this.#firstKey)) {
      this.#hasSeveral = true
    }
    if ((this.#isMigrating || this.#isImporting) && !isChannel) {
      if (this.#isHere(key)) this.#existing++
      else this.#missing++
    }
    return 'served'
  }

  /** Looking is no use of a key, and ends none whose time is up. */
  #isHere(key: Bytes): boolean {
    const db = itemAt(this.#host.data.dataset.databases, 0)
    const entry = db.keys.find(key)
    return entry >= 0 && !db.isExpired(entry)
  }

  #routeOf(command: Command): PlainRoute | null {
    let route = this.#routes[command.id]
    if (route === undefined) {
      route = routeOf(command)
      this.#routes[command.id] = route
    }
    return route
  }

  // ── slots that leave ─────────────────────────────────────────────────────

  /** The map has changed: whoever waits for a key, or listens to a shard channel, that is not served here any more is told. */
  #follow(): void {
    const { blocking } = this.#host
    const { connected: clients, pubSub } = this.#host.clients
    this.#postponed.resume()
    for (const { client, command, args } of [...blocking.parked()]) {
      const error = this.#refusalOfParked(client, command, args)
      if (error !== undefined) blocking.unblock(client, error)
    }
    if (pubSub.count('shard') === 0) return
    for (const client of clients.values()) {
      for (const channel of [...client.shardChannels]) {
        if (this.#servesChannel(channel)) continue
        pubSub.unsubscribe(client, 'shard', channel)
        pubSub.sendEnd(client, 'shard', channel)
        client.followSubscriptions()
      }
    }
  }

  #refusalOfParked(client: Client, command: Command, args: Arguments): ReplyError | undefined {
    // It waits for another server, not for its keys.
    if (command.name === 'migrate') return undefined
    const [first] = findKeys(command, args) ?? []
    if (first === undefined) return undefined
    const cluster = this.#cluster
    if (!cluster.isOk) return DOWN
    this.#slot = hashSlotOf(args.bytes(first.index))
    // Nobody has served it elsewhere before it is known who owns it.
    if (cluster.isHeld(this.#slot)) return undefined
    this.#owner = cluster.ownerOf(this.#slot)
    if (this.#owner === cluster.myself || cluster.importingFrom(this.#slot) !== undefined) return undefined
    if (this.#owner === undefined) return NOT_SERVED
    const reads = client.readsReplica && !command.isWrite && cluster.myself.primary === this.#owner
    return reads ? undefined : this.#refusal('moved', client)
  }

  #servesChannel(channel: string): boolean {
    const cluster = this.#cluster
    const slot = hashSlotOf(targetBytesOf(Bytes.from(channel)))
    const owner = cluster.ownerOf(slot)
    if (owner === undefined) return false
    return owner === cluster.myself || owner === cluster.myself.primary || cluster.importingFrom(slot) !== undefined
  }
}

/** Where all keys of a command stand, if one key spec says that; those of none stand nowhere. */
function routeOf({ spec: { keys = [], placesOfKeys } }: Command): PlainRoute | null {
  if (keys.length === 0) return { first: 1, last: 0, step: 1, areChannels: false }
  const [only] = keys
  const { count, find, first = 1, flags, keyword, last = first, step = 1, unknown } = only!
  const isRange = count === undefined && keyword === undefined && unknown === undefined && find === undefined
  if (keys.length > 1 || !isRange || placesOfKeys !== undefined) return null
  return { first, last, step, areChannels: flags?.includes('not_key') === true }
}
