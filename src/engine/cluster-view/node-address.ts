// How clients are told where a node of a cluster is: by its address, by its host name or by neither, as `cluster-preferred-endpoint-type` says.

import type { Config } from '../../config/config.ts'
import type { Client } from '../clients/client.ts'
import type { ClusterNode, ClusterView } from './cluster-view.ts'

/** Returns what stands for a node, `?` for a host name that it does not have; undefined = clients go on where they are (`unknown-endpoint`). */
export function preferredEndpoint(node: ClusterNode, config: Config, ip = node.ip): string | undefined {
  const type = config.get('cluster-preferred-endpoint-type')
  if (type === 'ip') return ip
  return type === 'hostname' ? node.hostname || '?' : undefined
}

/** Returns the address of a node; of this one, where nobody has told it, the one at which a client asks. */
export function ipFor(client: Client, node: ClusterNode, cluster: ClusterView): string {
  return node.ip === '' && node === cluster.myself ? localIp(client) : node.ip
}

/** Returns the address at which a client asks; empty where that is none of TCP. */
export function localIp({ transport: { kind, localAddress } }: Client): string {
  if (kind !== 'tcp') return ''
  return localAddress.slice(0, localAddress.lastIndexOf(':')).replace(/^\[(.*)\]$/, '$1')
}
