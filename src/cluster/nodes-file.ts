// The file that keeps a map, `cluster-config-file`, in Redis's format: a line for each node
// (engine/cluster-view/describe-nodes.ts), whose second word has fields that clients are not shown,
// and a line of variables.
//
//   <id> <ip>:<port>@<bus port>,<host name>,tls-port=<port>,shard-id=<id> myself,master - 0 0 1
//   connected 0-8191 vars currentEpoch 1 lastVoteEpoch 0
//
// Files of Redis can be read: flags of nodes that it found failing are ignored, and so are nodes
// that it had not met yet.

import { type DescribedCluster, describeNodes } from '../engine/cluster-view/describe-nodes.ts'
import { SLOT_COUNT } from '../util/tables/hash-slot.ts'
import { KnownNode } from './known-node.ts'
import { SlotMap } from './slot-map.ts'

/** A line that cannot be understood. */
export class NodesFileError extends Error {}

/** Words of a line before the slots. */
const WORDS_MIN = 8
const ID = /^[0-9a-f]{40}$/

/** Prints a map. */
export function printNodes(cluster: DescribedCluster & { readonly epoch: number }): string {
  const lines = describeNodes(cluster, (node) => {
    const { busPort, hostname, ip, port, shardId, tlsPort } = node
    return `${ip}:${port}@${busPort},${hostname},tls-port=${tlsPort},shard-id=${shardId}`
  })
  return `${lines.join('')}vars currentEpoch ${cluster.epoch} lastVoteEpoch 0\n`
}

/**
 * Reads a map; `newShardId` makes ids of shards that the file does not name. Throws NodesFileError.
 */
export function parseNodes(text: string, newShardId: () => string): SlotMap {
  const lines = text
    .split('\n')
    .map((line) => line.split(' ').filter((word) => word !== ''))
    .filter((words) => words.length > 0)
  const nodes = new Map<string, KnownNode>()
  let myself: KnownNode | undefined
  let epoch = 0
  const described: { node: KnownNode; words: readonly string[] }[] = []
  for (const words of lines) {
    if (words[0] === 'vars') {
      const at = words.indexOf('currentEpoch')
      if (at !== -1) epoch = numberOf(words[at + 1], Number.MAX_SAFE_INTEGER)
      continue
    }
    const [id, address, flagged] = words
    if (words.length < WORDS_MIN || id === undefined || address === undefined || flagged === undefined || !ID.test(id))
      throw new NodesFileError(`this is not a node: '${words.join(' ')}'`)
    const flags = flagged.split(',')
    if (flags.includes('handshake')) continue
    const node = new KnownNode(id, '')
    readAddress(node, address)
    node.epoch = numberOf(words[6], Number.MAX_SAFE_INTEGER)
    epoch = Math.max(epoch, node.epoch)
    nodes.set(node.id, node)
    described.push({ node, words })
    if (flags.includes('myself')) myself = node
  }
  if (myself === undefined) throw new NodesFileError('no node is said to be this one (myself)')
  const map = new SlotMap(myself)
  map.epoch = epoch
  for (const [id, node] of nodes) map.nodes.set(id, node)
  for (const { node, words } of described) {
    const primary = words[3]
    if (primary !== undefined && primary !== '-') node.primary = known(nodes, primary)
    for (const word of words.slice(WORDS_MIN)) readSlots(map, node, word, nodes)
  }
  for (const node of nodes.values()) if (node.shardId === '' && node.primary === undefined) node.shardId = newShardId()
  for (const node of nodes.values()) if (node.shardId === '') node.shardId = node.primary?.shardId ?? ''
  return map
}

/** `<ip>:<port>@<bus port>[,<host name>[,<name>=<value>]…]` */
function readAddress(node: KnownNode, word: string): void {
  const [address = '', hostname = '', ...more] = word.split(',')
  const found = /^(.*):(\d+)(?:@(\d+))?$/.exec(address)
  if (found === null) throw new NodesFileError(`this is not an address: '${word}'`)
  node.ip = found[1] ?? ''
  node.port = Number(found[2])
  node.busPort = Number(found[3] ?? 0)
  node.hostname = hostname
  for (const field of more) {
    const [name, value = ''] = field.split('=')
    if (name === 'shard-id') node.shardId = value
    else if (name === 'tls-port') node.tlsPort = Number(value)
    else if (name === 'tcp-port') {
      // Written by a Redis whose nodes use TLS: the port before is the TLS port.
      node.tlsPort = node.port
      node.port = Number(value)
    }
  }
}

/** `5`, `0-8191`, `[7->-id]`, `[7-<-id]` */
function readSlots(map: SlotMap, node: KnownNode, word: string, nodes: ReadonlyMap<string, KnownNode>): void {
  const moving = /^\[(\d+)-([<>])-([0-9a-f]{40})\]$/.exec(word)
  if (moving !== null) {
    const direction = moving[2] === '>' ? map.migrating : map.importing
    direction.set(numberOf(moving[1], SLOT_COUNT - 1), known(nodes, moving[3] ?? ''))
    return
  }
  const [first, last = first] = word.split('-')
  const end = numberOf(last, SLOT_COUNT - 1)
  for (let slot = numberOf(first, SLOT_COUNT - 1); slot <= end; slot++) {
    if (map.ownerOf(slot) !== undefined) throw new NodesFileError(`slot ${slot} has two owners`)
    map.give(slot, node)
  }
}

function known(nodes: ReadonlyMap<string, KnownNode>, id: string): KnownNode {
  const node = nodes.get(id)
  if (node === undefined) throw new NodesFileError(`node ${id} is named but not described`)
  return node
}

function numberOf(text: string | undefined, max: number): number {
  const number = Number(text)
  if (text === undefined || !/^\d+$/.test(text) || number > max)
    throw new NodesFileError(`this is not a number: '${text}'`)
  return number
}
