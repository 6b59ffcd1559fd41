// Whether clients should be sent to the server, for /readyz.

import type { Engine } from '../commands/call.ts'

/** The reason why not; undefined when it is ready. The endpoint itself knows about a stop. */
export function whyNotReady(engine: Engine): string | undefined {
  const { state } = engine.conditions
  if (state.loading.holds) return 'the data is being loaded'
  if (state.refusals.journalFailed.holds) return 'the append-only file cannot be written'
  if (state.refusals.saveFailed.holds) return 'the last snapshot failed, and writes are refused until one succeeds'
  return whyNotFollowing(engine)
}

/**
 * A replica with old data: its link has been down for longer than `readyz-max-link-down` allows.
 */
function whyNotFollowing({ config, parts: { replication } }: Engine): string | undefined {
  const node = replication.node
  if (node?.state === 'stopped') return `this node has stopped: ${node.failure ?? 'the log names no reason'}`
  const following = replication.following
  const secondsMax = config.get('readyz-max-link-down')
  if (following === undefined || secondsMax === 0 || following.unlinkedSeconds <= secondsMax) return undefined
  const { host, port, unlinkedSeconds } = following
  const place = host === '' ? 'the leader' : `the primary ${host}:${port}`
  return `the link to ${place} has been down for ${unlinkedSeconds} s`
}
