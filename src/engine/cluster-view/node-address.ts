// The address of a node that clients are given: its IP address, its host name or neither, as
// `cluster-preferred-endpoint-type` says.

import type { Config } from '../../config/config.ts'
import type { Client } from '../clients/client.ts'
import type { ClusterNode, ClusterView } from './cluster-view.ts'

/**
 * Returns the word that stands for a node; `?` for a host name that it does not have. Undefined =
 * the client keeps its present address (`unknown-endpoint`).
 */
export function preferredEndpoint(node: ClusterNode, config: Config, ip = node.ip): string | undefined {
  const type = config.get('cluster-preferred-endpoint-type')
  if (type === 'ip') return ip
  return type === 'hostname' ? node.hostname || '?' : undefined
}

/**
 * Returns the IP address of a node. For this node, when its address is not known, it is the one
 * that the client is connected to.
 */
export function ipFor(client: Client, node: ClusterNode, cluster: ClusterView): string {
  return node.ip === '' && node === cluster.myself ? localIp(client) : node.ip
}

/**
 * Returns the IP address of this server that a client is connected to; empty unless that is by TCP.
 */
export function localIp({
  connection: {
    transport: { kind, localAddress },
  },
}: Client): string {
  if (kind !== 'tcp') return ''
  return localAddress.slice(0, localAddress.lastIndexOf(':')).replace(/^\[(.*)\]$/, '$1')
}
