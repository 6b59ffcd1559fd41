// CLIENT TRACKING, CACHING, GETREDIR, TRACKINGINFO: client-side caching, with the server's help.

import { CLIENT_CACHING } from '../../engine/clients/client.ts'
import { findOverlap, OwnPrefixes } from '../../engine/tracking/tracked-prefixes.ts'
import type { Tracker, TrackingMode } from '../../engine/tracking/tracking.ts'
import { ERR } from '../../protocol/errors.ts'
import { upToZero } from '../../util/bytes/text.ts'
import type { Call } from '../call.ts'
import { type CommandSpec, defineCommand } from '../define-command.ts'

/** The options of a request, each checked by itself. */
interface Asked {
  redirect: number
  prefixes: string[]
  broadcast: boolean
  optin: boolean
  optout: boolean
  noLoop: boolean
}

const common = {
  group: 'connection',
  acl: ['connection'],
  flags: ['noscript', 'loading', 'stale'],
} as const satisfies Partial<CommandSpec>

export const clientTracking = defineCommand({
  ...common,
  name: 'CLIENT TRACKING',
  summary: 'Begins or ends telling this connection when what it caches may have changed.',
  since: '6.0.0',
  complexity: 'O(1); O(N) where N is the length of the prefixes',
  arity: -3,
  args: [
    {
      name: 'status',
      type: 'oneof',
      args: [
        { name: 'on', type: 'pure-token', token: 'ON' },
        { name: 'off', type: 'pure-token', token: 'OFF' },
      ],
    },
    { name: 'client-id', type: 'integer', token: 'REDIRECT', optional: true },
    { name: 'prefix', type: 'string', token: 'PREFIX', optional: true, multiple: true, multipleToken: true },
    { name: 'bcast', type: 'pure-token', token: 'BCAST', optional: true },
    { name: 'optin', type: 'pure-token', token: 'OPTIN', optional: true },
    { name: 'optout', type: 'pure-token', token: 'OPTOUT', optional: true },
    { name: 'noloop', type: 'pure-token', token: 'NOLOOP', optional: true },
  ],
  reply: 'status OK',
  changesConnection: 'state',
  run(call) {
    const { client } = call
    const {
      clients: { tracking },
    } = call.engine
    const asked = readOptions(call)
    if (call.args.equalsIgnoreCase(2, 'ON')) {
      const mode = checkMode(asked, tracking.trackerOf(client))
      tracking.enable(client, { mode, noLoop: asked.noLoop, redirect: asked.redirect, prefixes: asked.prefixes })
    } else if (call.args.equalsIgnoreCase(2, 'OFF')) {
      tracking.disable(client)
    } else {
      throw ERR.syntax
    }
    call.reply.ok()
  },
})

function readOptions(call: Call): Asked {
  const {
    clients: { connected: clients },
  } = call.engine
  const asked: Asked = { redirect: 0, prefixes: [], broadcast: false, optin: false, optout: false, noLoop: false }
  const options = call.options(3)
  while (options.next()) {
    if (options.is('REDIRECT') && options.has(1)) {
      if (asked.redirect !== 0) throw ERR.of('A client can only redirect to a single other client')
      asked.redirect = Number(options.integer())
      if (clients.get(asked.redirect) === undefined) {
        throw ERR.of('The client ID you want redirect to does not exist')
      }
    } else if (options.is('BCAST')) {
      asked.broadcast = true
    } else if (options.is('OPTIN')) {
      asked.optin = true
    } else if (options.is('OPTOUT')) {
      asked.optout = true
    } else if (options.is('NOLOOP')) {
      asked.noLoop = true
    } else if (options.is('PREFIX') && options.has(1)) {
      asked.prefixes.push(options.string())
    } else {
      throw ERR.syntax
    }
  }
  return asked
}

/**
 * Checks the options against each other, and against the client's present tracking. Throws Redis's
 * errors, in Redis's order.
 */
function checkMode({ prefixes, broadcast, optin, optout }: Asked, tracker: Tracker | undefined): TrackingMode {
  if (!broadcast && prefixes.length > 0) throw ERR.of('PREFIX option requires BCAST mode to be enabled')
  if (tracker !== undefined && (tracker.mode === 'broadcast') !== broadcast) throw switched('BCAST mode on/off')
  if (broadcast && (optin || optout)) throw ERR.of('OPTIN and OPTOUT are not compatible with BCAST')
  if (optin && optout) throw ERR.of("You can't specify both OPTIN mode and OPTOUT mode")
  if ((optin && tracker?.mode === 'optout') || (optout && tracker?.mode === 'optin')) {
    throw switched('OPTIN/OPTOUT mode')
  }
  if (broadcast) {
    checkPrefixes(prefixes, tracker?.prefixes ?? new OwnPrefixes())
    return 'broadcast'
  }
  return optin ? 'optin' : optout ? 'optout' : 'default'
}

const switched = (what: string) =>
  ERR.of(
    `You can't switch ${what} before disabling tracking for this client, and then re-enabling it with a different mode.`,
  )

/**
 * If the first of two overlapping prefixes is not the first of all, Redis enables tracking and
 * still replies twice: CLIENT TRACKING ON BCAST PREFIX x PREFIX a PREFIX ab. From then on all
 * replies would be off by one, so here it is an error.
 */
function checkPrefixes(given: readonly string[], existing: OwnPrefixes): void {
  const overlap = findOverlap(given, existing)
  if (overlap === undefined) return
  const other = overlap.otherIs === 'existing' ? 'an existing' : 'another provided'
  throw ERR.of(
    `Prefix '${upToZero(overlap.given)}' overlaps with ${other} prefix '${upToZero(overlap.other)}'. ` +
      'Prefixes for a single client must not overlap.',
  )
}

export const clientCaching = defineCommand({
  ...common,
  name: 'CLIENT CACHING',
  summary: 'Says whether what the next command reads is cached.',
  since: '6.0.0',
  complexity: 'O(1)',
  arity: 3,
  args: [
    {
      name: 'mode',
      type: 'oneof',
      args: [
        { name: 'yes', type: 'pure-token', token: 'YES' },
        { name: 'no', type: 'pure-token', token: 'NO' },
      ],
    },
  ],
  reply: 'status OK',
  changesConnection: 'state',
  run(call) {
    const { args, client } = call
    const tracker = call.engine.clients.tracking.trackerOf(client)
    if (tracker === undefined) {
      throw ERR.of(
        'CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled',
      )
    }
    if (args.equalsIgnoreCase(2, 'YES')) {
      if (tracker.mode !== 'optin') {
        throw ERR.of('CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.')
      }
    } else if (args.equalsIgnoreCase(2, 'NO')) {
      if (tracker.mode !== 'optout') {
        throw ERR.of('CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.')
      }
    } else {
      throw ERR.syntax
    }
    client.state |= CLIENT_CACHING
    call.reply.ok()
  },
})

export const clientGetredir = defineCommand({
  ...common,
  name: 'CLIENT GETREDIR',
  summary: 'Returns the number of the connection that is told of changes instead of this one.',
  since: '6.0.0',
  complexity: 'O(1)',
  arity: 2,
  reply: 'integer: the connection, 0 for this one, -1 when no connection is told',
  run(call) {
    call.reply.integer(call.engine.clients.tracking.trackerOf(call.client)?.redirect ?? -1)
  },
})

export const clientTrackinginfo = defineCommand({
  ...common,
  name: 'CLIENT TRACKINGINFO',
  summary: 'Tells how this connection caches.',
  since: '6.2.0',
  complexity: 'O(N log N) where N is the number of its prefixes',
  arity: 2,
  reply: 'map: flags, redirect, prefixes',
  run(call) {
    const { client, reply } = call
    const tracker = call.engine.clients.tracking.trackerOf(client)
    reply.map(3)
    reply.text('flags')
    const flags = flagsOf(tracker, (client.state & CLIENT_CACHING) !== 0)
    reply.set(flags.length)
    for (const flag of flags) reply.text(flag)
    reply.text('redirect')
    reply.integer(tracker?.redirect ?? -1)
    reply.text('prefixes')
    const prefixes = [...(tracker?.prefixes?.names() ?? [])].sort()
    reply.array(prefixes.length)
    for (const prefix of prefixes) reply.text(prefix)
  },
})

function flagsOf(tracker: Tracker | undefined, isCachingSaid: boolean): string[] {
  if (tracker === undefined) return ['off']
  const flags = ['on']
  if (tracker.mode === 'broadcast') flags.push('bcast')
  if (tracker.mode === 'optin') flags.push('optin', ...(isCachingSaid ? ['caching-yes'] : []))
  if (tracker.mode === 'optout') flags.push('optout', ...(isCachingSaid ? ['caching-no'] : []))
  if (tracker.noLoop) flags.push('noloop')
  if (tracker.broken) flags.push('broken_redirect')
  return flags
}
