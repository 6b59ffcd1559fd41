// The replies by which a node of a cluster sends a client to another node.

import type { Reply } from './reply.ts'

export interface Redirection {
  /** ASK holds for one request, which comes after ASKING. */
  readonly kind: 'MOVED' | 'ASK'
  readonly slot: number
  /** Empty = the host that was asked. */
  readonly host: string
  readonly port: number
}

/** Parses `MOVED slot host:port`; undefined when the reply is another one. */
export function redirectionIn({ bytes, type }: Reply): Redirection | undefined {
  if (type !== '-') return undefined
  const [, kind, slot, host = '', port] = /^(MOVED|ASK) (\d+) (.*):(\d+)$/.exec(bytes.toString('latin1')) ?? []
  if (kind === undefined) return undefined
  return {
    kind: kind === 'ASK' ? 'ASK' : 'MOVED',
    slot: Number(slot),
    host: host.replace(/^\[|\]$/g, ''),
    port: Number(port),
  }
}
