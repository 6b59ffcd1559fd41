// Redirection: is a request served here, or does it belong to another node of the cluster?
//
// The keys of a request, of a transaction or of a script's call must lie in one slot, and this node
// must serve the slot. All other requests get Redis's errors:
//
//   CROSSSLOT      its keys lie in several slots
//   MOVED          another node serves the slot
//   ASK            the slot moves, and another node has the key: ask there, for this once
//   TRYAGAIN       the slot moves, and only some of the keys are here
//   CLUSTERDOWN    the slot has no owner, or the cluster as a whole is not served
//
// A request for a held slot waits until its owner is known. Shard channels are routed as keys are.
// So is a PUBLISH whose message is kept: the channel's keys lie in the slot of its name. When a
// slot leaves, clients that are parked on its keys, or subscribed to its shard channels, are told.
// Only a node of a cluster has an object of this class.

import { targetBytesOf } from '../../broker/group-name.ts'
import type { PubSub } from '../../broker/pub-sub.ts'
import type { Config } from '../../config/config.ts'
import type { Arguments } from '../../protocol/arguments.ts'
import { ReplyError } from '../../protocol/errors.ts'
import { itemAt } from '../../util/array-reads.ts'
import { assert } from '../../util/assert.ts'
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

/** The result of a check; all but `served` lead to an error, or to waiting. */
type Verdict = 'served' | 'held' | 'cross slot' | 'unstable' | 'ask' | 'moved' | 'unbound' | 'down' | 'down for writes'

const CROSS_SLOT = new ReplyError("CROSSSLOT Keys in request don't hash to the same slot")
const TRY_AGAIN = new ReplyError('TRYAGAIN Multiple keys request during rehashing of slot')
/** Never sent: the request waits. */
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

/** The words of a plain PUBLISH, channel and message. Further words say how the message is kept. */
const PLAIN_PUBLISH_WORDS = 3

/**
 * The places of keys, or of shard channels, that one key spec describes wholly: found without
 * making a list.
 */
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
  /** Clients whose request is for a held slot. */
  readonly #postponed: PostponedClients
  /**
   * Command number → the places of its keys; null = they must be searched for; undefined = not
   * known yet.
   */
  readonly #routes: (PlainRoute | null | undefined)[] = []
  // The following fields describe the present request. `#slot` is the slot of its keys, or of the
  // keys of its script so far; -1 = none yet.
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

  /**
   * Returns the reason why a client's request is not served here; undefined = it is. `isWrite`: it
   * requires the right to write.
   */
  refusalOf(client: Client, command: Command, args: Arguments, isWrite: boolean): ReplyError | undefined {
    const verdict = this.#judge(client, command, args, isWrite)
    return verdict === 'served' ? undefined : this.#refusal(verdict, client)
  }

  /**
   * Postpones a request that was refused because its slot is held; returns false for other
   * refusals.
   */
  postpones(client: Client, args: Arguments, refusal: ReplyError): boolean {
    if (refusal !== HELD) return false
    this.#postponed.add(client, args)
    return true
  }

  /**
   * As `refusalOf`, for a call of a client's script. With `crossesSlots` its calls may use several
   * slots, one after the other.
   */
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
        return this.#redirect('ASK', this.#target, client)
      case 'moved':
        return this.#redirect('MOVED', this.#owner, client)
    }
  }

  #redirect(word: 'ASK' | 'MOVED', node: ClusterNode | undefined, client: Client): ReplyError {
    assert(node !== undefined && this.#slot !== -1, 'a request is redirected to the node of its slot')
    const port = client.connection.transport.isEncrypted ? node.tlsPort : node.port
    const endpoint = preferredEndpoint(node, this.#host.config) ?? ''
    return new ReplyError(`${word} ${this.#slot} ${endpoint}:${port}`)
  }

  #judge(client: Client, command: Command, args: Arguments, isWrite: boolean): Verdict {
    this.#slot = -1
    const isChannels = this.#routeOf(command)?.areChannels === true
    const isExec = command.spec.duringMulti === 'executes'
    const found = isExec ? this.#seeQueued(client) : this.#see(command, args, isChannels)
    if (found !== 'served') return found
    // A request without keys may run on any node.
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
      // MIGRATE moves keys in either direction.
      if (command.name === 'migrate') return 'served'
      if (this.#isMigrating && this.#missing > 0) {
        this.#target = cluster.migratingTo(this.#slot)
        if (this.#existing > 0) return 'unstable'
        // A slot may be marked as migrating to this node itself.
        return this.#target === cluster.myself ? 'served' : 'ask'
      }
      if (this.#isImporting && ((client.state & CLIENT_ASKING) !== 0 || command.flags.has('asking'))) {
        return this.#hasSeveral && this.#missing > 0 ? 'unstable' : 'served'
      }
    }
    const { myself } = cluster
    if (this.#owner === myself || cluster.takesFrom(client, this.#slot)) return 'served'
    const reads = client.requests.readsReplica || isChannels
    return reads && !isWrite && myself.primary !== undefined && myself.primary === this.#owner ? 'served' : 'moved'
  }

  #seeQueued(client: Client): Verdict {
    for (const { command, args } of transactionOf(client)?.queue ?? []) {
      const found = this.#see(command, args, false)
      if (found !== 'served') return found
    }
    return 'served'
  }

  /** Checks the keys of one command. */
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

  /**
   * Tells if a command publishes a message that is kept, or scheduled for later. Such a message has
   * keys.
   */
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

  /** Tells if a key is here. The look counts as no access, and expires no key. */
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

  /**
   * Tells parked clients, and subscribers of shard channels, that the map has changed and their
   * slot is not served here any more.
   */
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
      for (const channel of [...client.subscriptions.shardChannels]) {
        if (this.#servesChannel(channel)) continue
        pubSub.unsubscribe(client, 'shard', channel)
        pubSub.sendEnd(client, 'shard', channel)
        client.followSubscriptions()
      }
    }
  }

  #refusalOfParked(client: Client, command: Command, args: Arguments): ReplyError | undefined {
    // MIGRATE waits for another server, not for its keys.
    if (command.name === 'migrate') return undefined
    const [first] = findKeys(command, args) ?? []
    if (first === undefined) return undefined
    const cluster = this.#cluster
    if (!cluster.isOk) return DOWN
    this.#slot = hashSlotOf(args.bytes(first.index))
    // No node serves the slot before its owner is known.
    if (cluster.isHeld(this.#slot)) return undefined
    this.#owner = cluster.ownerOf(this.#slot)
    if (this.#owner === cluster.myself || cluster.importingFrom(this.#slot) !== undefined) return undefined
    if (this.#owner === undefined) return NOT_SERVED
    const reads = client.requests.readsReplica && !command.isWrite && cluster.myself.primary === this.#owner
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

/**
 * Returns the places of a command's keys, if one key spec describes them; a command without keys
 * has an empty range.
 */
function routeOf({ spec: { keys = [], placesOfKeys } }: Command): PlainRoute | null {
  if (keys.length === 0) return { first: 1, last: 0, step: 1, areChannels: false }
  const [only] = keys
  const { count, find, first = 1, flags, keyword, last = first, step = 1, unknown } = only!
  const isRange = count === undefined && keyword === undefined && unknown === undefined && find === undefined
  if (keys.length > 1 || !isRange || placesOfKeys !== undefined) return null
  return { first, last, step, areChannels: flags?.includes('not_key') === true }
}
