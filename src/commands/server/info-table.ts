// The fields of INFO: a row for each, in Redis 7.2's words and order.
//
// A new counter is a field of `Counters` (engine/figures/stats.ts), the line that counts, and a row
// here. A row describes its figure, so that other outputs can use it, too. Redis's fields without a
// meaning here are left out. Fields that are always 0, because Respite has nothing of the kind yet,
// are reported, because programs read them.

import { arch, release, type } from 'node:os'
import { REDIS_VERSION, RESPITE_VERSION } from '../../config/version.ts'
import type { MessageFigures, SlotMove, SlotMoves } from '../../engine/cluster-view/cluster-view.ts'
import type { LoadingProgress } from '../../engine/conditions/loading.ts'
import type { Following, LogNode } from '../../engine/effects/replication.ts'
import type { HostDescription } from '../../engine/engine-host.ts'
import type { Database } from '../../store/keyspace/database.ts'
import { readableSize } from '../../util/numbers/readable-size.ts'
import type { InfoFigures } from './info-figures.ts'
import { ratio } from './memory-figures.ts'

/**
 * A figure: a `counter` only grows, until CONFIG RESETSTAT; a `gauge` goes up and down. Undefined =
 * not shown at present.
 */
interface FigureRow {
  readonly name: string
  readonly kind: 'counter' | 'gauge'
  read(figures: InfoFigures): number | undefined
  /** The format in INFO; default: an integer. */
  readonly print?: (value: number) => string
}

interface TextRow {
  readonly name: string
  readonly kind: 'text'
  read(figures: InfoFigures): string | undefined
}

/** Fields whose number depends on the commands, errors or databases: their names and texts. */
interface FamilyRow {
  readonly kind: 'family'
  read(figures: InfoFigures): Iterable<readonly [name: string, text: string]>
}

export type InfoRow = FigureRow | TextRow | FamilyRow

export interface InfoSection {
  readonly heading: string
  /** A plain INFO omits it. */
  readonly isExtra?: true
  /** Called before the rows are read. */
  prepare?(figures: InfoFigures): void
  readonly rows: readonly InfoRow[]
}

/** Prints a section, its heading included. */
export function printSection(section: InfoSection, figures: InfoFigures): string {
  section.prepare?.(figures)
  let text = `# ${section.heading}\r\n`
  for (const row of section.rows) {
    if (row.kind === 'family') {
      for (const [name, value] of row.read(figures)) text += `${name}:${value}\r\n`
      continue
    }
    const value = row.read(figures)
    if (value === undefined) continue
    text += `${row.name}:${row.kind !== 'text' && row.print !== undefined ? row.print(value as number) : value}\r\n`
  }
  return text
}

type Read<T> = (figures: InfoFigures) => T

function counter(name: string, read: Read<number>): FigureRow {
  return { name, kind: 'counter', read }
}

function gauge(name: string, read: Read<number | undefined>, print?: (value: number) => string): FigureRow {
  return print === undefined ? { name, kind: 'gauge', read } : { name, kind: 'gauge', read, print }
}

function text(name: string, read: Read<string | undefined>): TextRow {
  return { name, kind: 'text', read }
}

function family(read: FamilyRow['read']): FamilyRow {
  return { kind: 'family', read }
}

/** A figure of a replica's link to its primary; a primary shows none. */
function ofPrimary(
  name: string,
  read: (following: Following, figures: InfoFigures) => number | undefined,
  print?: (value: number) => string,
): FigureRow {
  return gauge(
    name,
    (figures) => {
      const following = figures.engine.parts.replication?.following
      return following && read(following, figures)
    },
    print,
  )
}

/** A figure of this server's part in a replicated log; without a log none is shown. */
function ofNode(name: string, read: (node: LogNode) => number | undefined): FigureRow {
  return gauge(name, ({ engine }) => {
    const node = engine.parts.replication?.node
    return node && read(node)
  })
}

function nodeText(name: string, read: (node: LogNode) => string): TextRow {
  return text(name, ({ engine }) => {
    const node = engine.parts.replication?.node
    return node && read(node)
  })
}

/** A text that never changes. */
function constant(name: string, value: string): TextRow {
  return text(name, () => value)
}

/** A figure of something that Respite does not have. */
function none(name: string, print?: (value: number) => string): FigureRow {
  return gauge(name, () => 0, print)
}

/** An amount of memory, in bytes and in a readable unit. */
function memory(name: string, read: Read<number>): InfoRow[] {
  return [gauge(name, read), text(`${name}_human`, (figures) => readableSize(read(figures)))]
}

const yesNo = (value: boolean): number => (value ? 1 : 0)
const okErr = (value: boolean): string => (value ? 'ok' : 'err')
const digits = (count: number) => (value: number) => value.toFixed(count)
/** As C prints it: before a snapshot begins Redis shows -0.00 for its progress. */
const signedPercentage = (value: number): string => (Object.is(value, -0) ? '-0.00' : value.toFixed(2))
const percent = (value: number): string => `${value.toFixed(2)}%`
const microsecondsAsSeconds = (value: number): string => (value / 1e6).toFixed(6)

const uptime: Read<number> = ({ engine }) =>
  Math.max(0, Math.floor((engine.environment.unitClock.now() - engine.environment.startedMs) / 1000))

const SERVER: InfoSection = {
  heading: 'Server',
  rows: [
    constant('redis_version', REDIS_VERSION),
    constant('respite_version', RESPITE_VERSION),
    constant('redis_git_sha1', '00000000'),
    none('redis_git_dirty'),
    constant('redis_build_id', '0'),
    text('redis_mode', ({ engine }) => (engine.parts.cluster === null ? 'standalone' : 'cluster')),
    constant('os', `${type()} ${release()} ${arch() === 'x64' ? 'x86_64' : arch()}`),
    constant('arch_bits', '64'),
    constant('monotonic_clock', 'node performance.now'),
    constant('multiplexing_api', 'libuv'),
    constant('node_version', process.versions.node),
    constant('process_id', `${process.pid}`),
    text('process_supervised', ({ engine }) => engine.parts.host.describe?.().supervisor ?? 'no'),
    text('run_id', ({ engine }) => engine.environment.runId),
    gauge('tcp_port', ({ engine }) => portOf(engine.parts.host.describe?.())),
    gauge('server_time_usec', ({ engine }) => Math.floor(engine.environment.unitClock.now() * 1000)),
    gauge('uptime_in_seconds', uptime),
    gauge('uptime_in_days', (figures) => Math.floor(uptime(figures) / 86400)),
    gauge('hz', ({ engine }) => engine.config.get('hz')),
    gauge('configured_hz', ({ engine }) => engine.config.get('hz')),
    gauge('lru_clock', ({ engine }) => engine.data.dataset.use.accessSeconds & 0xffffff),
    text('executable', ({ engine }) => engine.parts.host.describe?.().executable ?? process.execPath),
    text(
      'config_file',
      ({ engine }) => engine.parts.host.describe?.().configFile ?? engine.parts.host.configFile ?? '',
    ),
    none('io_threads_active'),
    gauge('shutdown_in_milliseconds', ({ engine }) => engine.parts.host.describe?.().endsInMs),
    family(listeners),
  ],
}

const CLIENTS: InfoSection = {
  heading: 'Clients',
  prepare: (figures) => figures.askSystem(),
  rows: [
    // Replicas are counted elsewhere.
    gauge(
      'connected_clients',
      ({ engine }) => engine.clients.connected.size - (engine.parts.replication?.replicas.statuses.length ?? 0),
    ),
    none('cluster_connections'),
    gauge('maxclients', ({ engine }) => engine.config.get('maxclients')),
    gauge('client_recent_max_input_buffer', (figures) => figures.inputBufferBytesMax),
    gauge('client_recent_max_output_buffer', (figures) => figures.outputBufferBytesMax),
    gauge('blocked_clients', ({ engine }) => engine.blocking.room.count + engine.figures.stats.pausedClients),
    gauge('tracking_clients', ({ engine }) => engine.clients.tracking.clientCount),
    gauge('clients_in_timeout_table', ({ engine }) => engine.blocking.room.deadlineCount),
    gauge('total_blocking_keys', ({ engine }) => engine.blocking.countAwaited('any change')),
    gauge('total_blocking_keys_on_nokey', ({ engine }) => engine.blocking.countAwaited('removal')),
  ],
}

const used: Read<number> = ({ memory }) => memory.used
const allScripts: Read<number> = ({ memory }) => memory.scripts + memory.functions

const MEMORY: InfoSection = {
  heading: 'Memory',
  prepare(figures) {
    figures.askSystem()
    figures.askMemory()
  },
  rows: [
    ...memory('used_memory', used),
    ...memory('used_memory_rss', (figures) => figures.residentBytes),
    ...memory('used_memory_peak', ({ memory }) => memory.peak),
    gauge('used_memory_peak_perc', ({ memory }) => memory.peakPercent, percent),
    gauge('used_memory_overhead', ({ memory }) => memory.overhead),
    gauge('used_memory_startup', ({ memory }) => memory.startup),
    gauge('used_memory_dataset', ({ memory }) => memory.dataset),
    gauge('used_memory_dataset_perc', ({ memory }) => memory.datasetPercent, percent),
    gauge('allocator_allocated', used),
    gauge('allocator_active', ({ memory }) => memory.active),
    gauge('allocator_resident', ({ memory }) => memory.active),
    ...memory('total_system_memory', (figures) => figures.totalMemory),
    // Scripts have no heap of their own: their memory is the runtime's.
    none('used_memory_lua'),
    none('used_memory_vm_eval'),
    constant('used_memory_lua_human', '0B'),
    gauge('used_memory_scripts_eval', ({ memory }) => memory.scripts),
    gauge('number_of_cached_scripts', ({ engine }) => engine.parts.scripts.cachedScripts),
    gauge('number_of_functions', ({ engine }) => engine.parts.scripts.functionCount),
    gauge('number_of_libraries', ({ engine }) => engine.parts.scripts.libraryCount),
    none('used_memory_vm_functions'),
    ...memory('used_memory_vm_total', () => 0),
    gauge('used_memory_functions', ({ memory }) => memory.functions),
    ...memory('used_memory_scripts', allScripts),
    ...memory('maxmemory', ({ engine }) => engine.config.get('maxmemory')),
    text('maxmemory_policy', ({ engine }) => engine.config.text('maxmemory-policy')),
    gauge('allocator_frag_ratio', ({ memory }) => ratio(memory.active, memory.used), digits(2)),
    gauge('allocator_frag_bytes', ({ memory }) => memory.active - memory.used),
    gauge('allocator_rss_ratio', () => 1, digits(2)),
    none('allocator_rss_bytes'),
    gauge('rss_overhead_ratio', ({ memory }) => ratio(memory.resident, memory.active), digits(2)),
    gauge('rss_overhead_bytes', ({ memory }) => memory.resident - memory.active),
    gauge('mem_fragmentation_ratio', ({ memory }) => ratio(memory.resident, memory.used), digits(2)),
    gauge('mem_fragmentation_bytes', ({ memory }) => memory.resident - memory.used),
    gauge('mem_not_counted_for_evict', ({ memory, replication }) => memory.journal + replication.memoryBytes),
    gauge('mem_replication_backlog', ({ replication }) => replication.memoryBytes - replication.replicaBytes),
    gauge('mem_total_replication_buffers', ({ replication }) => replication.memoryBytes),
    gauge('mem_clients_slaves', ({ replication }) => replication.replicaBytes),
    gauge('mem_clients_normal', ({ memory }) => memory.clients),
    none('mem_cluster_links'),
    gauge('mem_aof_buffer', ({ memory }) => memory.journal),
    constant('mem_allocator', 'v8'),
    none('active_defrag_running'),
    gauge('lazyfree_pending_objects', ({ engine }) => {
      let pending = 0
      for (const db of engine.databases) pending += db.lazyFree.pending
      return pending
    }),
    counter('lazyfreed_objects', ({ engine }) => engine.figures.stats.lazyFreedObjects),
  ],
}

/** A field that is shown while data is loaded. */
function whileLoading(
  read: (progress: Readonly<LoadingProgress>, figures: InfoFigures) => number,
): Read<number | undefined> {
  return (figures) => {
    const { progress } = figures.engine.conditions.loading
    return progress === undefined ? undefined : read(progress, figures)
  }
}

/**
 * The part that is loaded, 0 to 1. If the size is not known, it is estimated from the memory that
 * the data took on another server; this is inexact, as in Redis.
 */
function loadedPart({ loadedBytes, totalBytes, writerMemoryBytes }: Readonly<LoadingProgress>): number {
  if (totalBytes > 0) return loadedBytes / totalBytes
  return writerMemoryBytes > 0 ? Math.min(0.9999, loadedBytes / writerMemoryBytes) : 0
}

type JournalStatus = NonNullable<InfoFigures['engine']['effects']['durability']['progress']['status']>

/** A field that is shown while there is an append-only file. */
function ofJournal(read: (status: JournalStatus, figures: InfoFigures) => number): Read<number | undefined> {
  return (figures) => {
    const { enabled, status } = figures.engine.effects.durability.progress
    return enabled && status !== undefined ? read(status, figures) : undefined
  }
}

const PERSISTENCE: InfoSection = {
  heading: 'Persistence',
  rows: [
    gauge('loading', ({ engine }) =>
      yesNo(engine.conditions.state.loading.holds || engine.upkeep.faults?.isLoading === true),
    ),
    gauge('async_loading', ({ engine }) => yesNo(engine.conditions.state.loadingBeside.holds)),
    none('current_cow_peak'),
    none('current_cow_size'),
    none('current_cow_size_age'),
    none('current_fork_perc', digits(2)),
    gauge('current_save_keys_processed', ({ saving }) => saving.keysProcessed),
    gauge('current_save_keys_total', ({ saving }) => saving.keysTotal),
    gauge('rdb_changes_since_last_save', ({ engine }) => engine.figures.stats.changesSinceSave),
    gauge('rdb_bgsave_in_progress', ({ saving }) => yesNo(saving.saveInProgress)),
    gauge('rdb_last_save_time', ({ engine }) =>
      Math.floor((engine.parts.saving?.lastSaveMs ?? engine.environment.startedMs) / 1000),
    ),
    text('rdb_last_bgsave_status', ({ saving }) => okErr(saving.lastSaveOk)),
    gauge('rdb_last_bgsave_time_sec', ({ saving }) => saving.lastSaveSeconds),
    gauge('rdb_current_bgsave_time_sec', ({ saving }) => saving.currentSaveSeconds),
    counter('rdb_saves', ({ saving }) => saving.saves),
    none('rdb_last_cow_size'),
    gauge('rdb_last_load_keys_expired', ({ saving }) => saving.keysExpiredAtLoad),
    gauge('rdb_last_load_keys_loaded', ({ saving }) => saving.keysLoaded),
    // After `appendonly` was turned on at run time, the field says so at once, not only when the
    // first base exists.
    gauge('aof_enabled', ({ engine }) =>
      yesNo(
        engine.effects.durability.progress.enabled ||
          (engine.parts.saving !== undefined && engine.config.get('appendonly')),
      ),
    ),
    gauge('aof_rewrite_in_progress', ({ saving }) => yesNo(saving.rewriteInProgress)),
    gauge('aof_rewrite_scheduled', ({ saving }) => yesNo(saving.rewriteScheduled)),
    gauge('aof_last_rewrite_time_sec', ({ saving }) => saving.lastRewriteSeconds),
    gauge('aof_current_rewrite_time_sec', ({ saving }) => saving.currentRewriteSeconds),
    text('aof_last_bgrewrite_status', ({ saving }) => okErr(saving.lastRewriteOk)),
    counter('aof_rewrites', ({ saving }) => saving.rewrites),
    gauge('aof_rewrites_consecutive_failures', ({ saving }) => saving.rewriteFailuresInARow),
    text('aof_last_write_status', ({ engine }) => okErr(engine.effects.durability.progress.failure === undefined)),
    none('aof_last_cow_size'),
    none('module_fork_in_progress'),
    none('module_fork_last_cow_size'),
    // This field is Respite's own. Redis forks, and reports the duration of the fork; here a
    // snapshot is made in slices.
    gauge('respite_snapshot_longest_slice_usec', ({ saving }) => Math.round(1000 * saving.longestSliceMs)),
    gauge(
      'aof_current_size',
      ofJournal((status) => status.currentBytes),
    ),
    gauge(
      'aof_base_size',
      ofJournal((_, { saving }) => saving.rewriteBaseBytes),
    ),
    gauge(
      'aof_pending_rewrite',
      ofJournal((_, { saving }) => yesNo(saving.rewriteScheduled)),
    ),
    gauge(
      'aof_buffer_length',
      ofJournal((status) => status.bufferedBytes),
    ),
    gauge(
      'aof_pending_bio_fsync',
      ofJournal((status) => status.pendingSyncs),
    ),
    gauge(
      'aof_delayed_fsync',
      ofJournal((status) => status.delayedSyncs),
    ),
    gauge(
      'loading_start_time',
      whileLoading(({ startedMs }) => Math.floor(startedMs / 1000)),
    ),
    gauge(
      'loading_total_bytes',
      whileLoading(({ totalBytes }) => totalBytes),
    ),
    gauge(
      'loading_rdb_used_mem',
      whileLoading(({ writerMemoryBytes }) => writerMemoryBytes),
    ),
    gauge(
      'loading_loaded_bytes',
      whileLoading(({ loadedBytes }) => loadedBytes),
    ),
    gauge(
      'loading_loaded_perc',
      whileLoading((progress) => 100 * loadedPart(progress)),
      digits(2),
    ),
    gauge(
      'loading_eta_seconds',
      whileLoading((progress, { engine }) => {
        const { loadedBytes, startedMs, totalBytes, writerMemoryBytes } = progress
        const elapsed = Math.floor(engine.environment.unitClock.now() / 1000) - Math.floor(startedMs / 1000)
        // Before an estimate is possible, Redis reports one second.
        if (elapsed === 0) return 1
        const left = totalBytes > 0 ? totalBytes - loadedBytes : Math.max(1, writerMemoryBytes - loadedBytes)
        return Math.floor((elapsed * left) / (loadedBytes + 1))
      }),
    ),
  ],
}

const STATS: InfoSection = {
  heading: 'Stats',
  prepare(figures) {
    figures.sample()
    figures.askChannels()
  },
  rows: [
    counter('total_connections_received', ({ engine }) => engine.figures.stats.connectionsReceived),
    counter('total_commands_processed', ({ engine }) => engine.figures.stats.commandsProcessed),
    gauge('instantaneous_ops_per_sec', (figures) => figures.commandsPerSecond),
    counter('total_net_input_bytes', ({ engine }) => engine.figures.stats.inputBytes),
    counter('total_net_output_bytes', ({ engine }) => engine.figures.stats.outputBytes),
    none('total_net_repl_input_bytes'),
    counter('total_net_repl_output_bytes', ({ engine }) => engine.figures.stats.streamedBytes),
    gauge('instantaneous_input_kbps', (figures) => figures.inputPerSecond, digits(2)),
    gauge('instantaneous_output_kbps', (figures) => figures.outputPerSecond, digits(2)),
    none('instantaneous_input_repl_kbps', digits(2)),
    none('instantaneous_output_repl_kbps', digits(2)),
    counter('rejected_connections', ({ engine }) => engine.figures.stats.connectionsRejected),
    counter('sync_full', ({ engine }) => engine.figures.stats.fullSyncs),
    counter('sync_partial_ok', ({ engine }) => engine.figures.stats.partialSyncs),
    counter('sync_partial_err', ({ engine }) => engine.figures.stats.partialSyncsRefused),
    counter('expired_keys', ({ engine }) => engine.figures.stats.expiredKeys),
    none('expired_stale_perc', digits(2)),
    none('expired_time_cap_reached_count'),
    counter('evicted_keys', ({ engine }) => engine.figures.stats.evictedKeys),
    counter('evicted_clients', ({ engine }) => engine.figures.stats.evictedClients),
    none('total_eviction_exceeded_time'),
    none('current_eviction_exceeded_time'),
    counter('keyspace_hits', ({ engine }) => engine.data.dataset.use.hits),
    counter('keyspace_misses', ({ engine }) => engine.data.dataset.use.misses),
    gauge('pubsub_channels', ({ engine }) => engine.clients.pubSub.count('channel')),
    gauge('pubsub_patterns', ({ engine }) => engine.clients.pubSub.count('pattern')),
    gauge('pubsubshard_channels', ({ engine }) => engine.clients.pubSub.count('shard')),
    // Channels that keep messages are Respite's own.
    gauge('kept_channels', ({ channels }) => channels.channels),
    gauge('kept_messages', ({ channels }) => channels.messages),
    gauge('kept_bytes', ({ channels }) => channels.bytes),
    gauge('remembered_subscribers', ({ channels }) => channels.subscribers),
    gauge('shared_names', ({ sharedNames }) => sharedNames),
    counter('resumed_positions', ({ engine }) => engine.figures.stats.positionsResumed),
    gauge('readers_behind', ({ readersBehind }) => readersBehind),
    counter('messages_missed', ({ engine }) => engine.figures.stats.messagesMissed),
    none('latest_fork_usec'),
    none('total_forks'),
    none('migrate_cached_sockets'),
    gauge('slave_expires_tracked_keys', ({ engine }) => engine.upkeep.replicaExpiry.count),
    none('active_defrag_hits'),
    none('active_defrag_misses'),
    none('active_defrag_key_hits'),
    none('active_defrag_key_misses'),
    none('total_active_defrag_time'),
    none('current_active_defrag_time'),
    gauge('tracking_total_keys', ({ engine }) => engine.clients.tracking.keyCount),
    gauge('tracking_total_items', ({ engine }) => engine.clients.tracking.itemCount),
    gauge('tracking_total_prefixes', ({ engine }) => engine.clients.tracking.prefixCount),
    none('unexpected_error_replies'),
    counter('total_error_replies', ({ engine }) => engine.figures.stats.errorReplies),
    none('dump_payload_sanitizations'),
    counter('total_reads_processed', ({ engine }) => engine.figures.stats.readsProcessed),
    counter('total_writes_processed', ({ engine }) => engine.figures.stats.writesProcessed),
    none('io_threaded_reads_processed'),
    none('io_threaded_writes_processed'),
    counter('eventloop_cycles', ({ engine }) => engine.figures.stats.turns),
    counter('eventloop_duration_sum', (figures) => figures.loopMicroseconds),
    counter('eventloop_duration_cmd_sum', ({ engine }) => {
      let sum = 0
      for (const command of engine.commands.used()) sum += engine.figures.times.microsecondsOf(command)
      return Math.floor(sum)
    }),
    gauge('instantaneous_eventloop_cycles_per_sec', (figures) => figures.turnsPerSecond),
    gauge('instantaneous_eventloop_duration_usec', (figures) => figures.turnMicroseconds),
    counter('client_output_buffer_limit_disconnections', ({ engine }) => engine.figures.stats.outputLimitDisconnects),
    counter('acl_access_denied_auth', ({ engine }) => engine.figures.stats.accessDenied.auth),
    counter('acl_access_denied_cmd', ({ engine }) => engine.figures.stats.accessDenied.command),
    counter('acl_access_denied_key', ({ engine }) => engine.figures.stats.accessDenied.key),
    counter('acl_access_denied_channel', ({ engine }) => engine.figures.stats.accessDenied.channel),
  ],
}

const REPLICATION: InfoSection = {
  heading: 'Replication',
  rows: [
    text('role', ({ engine }) => (engine.effects.role.isReplica ? 'slave' : 'master')),
    text('master_host', ({ engine }) => engine.parts.replication?.following?.host),
    ofPrimary('master_port', ({ port }) => port),
    text('master_link_status', ({ engine }) => {
      const following = engine.parts.replication?.following
      return following && (following.linkUp ? 'up' : 'down')
    }),
    ofPrimary('master_last_io_seconds_ago', ({ linkUp, lastHeardSeconds }) => (linkUp ? lastHeardSeconds : -1)),
    ofPrimary('master_sync_in_progress', ({ sync }) => (sync === undefined ? 0 : 1)),
    ofPrimary('slave_read_repl_offset', ({ readOffset }) => readOffset),
    ofPrimary('slave_repl_offset', ({ offset }) => offset),
    ofPrimary('master_sync_total_bytes', ({ sync }) => sync?.totalBytes),
    ofPrimary('master_sync_read_bytes', ({ sync }) => sync?.receivedBytes),
    ofPrimary('master_sync_left_bytes', ({ sync }) => sync && sync.totalBytes - sync.receivedBytes),
    ofPrimary(
      'master_sync_perc',
      ({ sync }) => sync && (sync.totalBytes === 0 ? 0 : (100 * sync.receivedBytes) / sync.totalBytes),
      signedPercentage,
    ),
    ofPrimary('master_sync_last_io_seconds_ago', ({ sync, lastHeardSeconds }) => sync && lastHeardSeconds),
    ofPrimary('master_link_down_since_seconds', ({ linkUp, downSeconds }) => (linkUp ? undefined : downSeconds)),
    ofPrimary('slave_priority', (_, { engine }) => engine.config.get('replica-priority')),
    ofPrimary('slave_read_only', (_, { engine }) => (engine.config.get('replica-read-only') ? 1 : 0)),
    ofPrimary('replica_announced', (_, { engine }) => (engine.config.get('replica-announced') ? 1 : 0)),
    gauge('connected_slaves', ({ replication }) => replication.statuses.length),
    gauge('min_slaves_good_slaves', ({ replication }) => replication.goodCount),
    family(replicas),
    text('master_failover_state', ({ engine }) => engine.parts.replication?.failoverState ?? 'no-failover'),
    text('master_replid', ({ engine }) => engine.effects.history.id),
    text('master_replid2', ({ engine }) => engine.effects.history.secondId),
    counter('master_repl_offset', ({ engine }) => engine.effects.history.offset),
    gauge('second_repl_offset', ({ engine }) => engine.effects.history.secondOffset),
    gauge('repl_backlog_active', ({ replication }) => yesNo(replication.backlog !== undefined)),
    gauge('repl_backlog_size', ({ engine }) => engine.config.get('repl-backlog-size')),
    gauge('repl_backlog_first_byte_offset', ({ replication }) => replication.backlog?.firstOffset ?? 0),
    gauge('repl_backlog_histlen', ({ replication }) => replication.backlog?.length ?? 0),
    nodeText('log_state', ({ state }) => state),
    nodeText('log_leader', ({ leaderAddress }) => leaderAddress),
    nodeText('log_failure', ({ failure }) => failure ?? ''),
    ofNode('log_epoch', ({ epoch }) => epoch),
    ofNode('log_position', ({ position }) => position),
    ofNode('log_lease_left_milliseconds', ({ leaseLeftMs }) => Math.floor(leaseLeftMs)),
    ofNode('log_records_under_way', ({ underWay }) => underWay),
    ofNode('log_lag_milliseconds', ({ lagMs }) => Math.floor(lagMs)),
    ofNode('log_lag_bytes', ({ lagBytes }) => lagBytes),
    ofNode('log_snapshot_made', ({ snapshots }) => snapshots?.made),
    ofNode('log_snapshot_verified', ({ snapshots }) => snapshots?.verified),
    ofNode('log_truncated_behind', ({ snapshots }) => snapshots?.truncatedBehind),
  ],
}

const CPU: InfoSection = {
  heading: 'CPU',
  prepare: (figures) => figures.askSystem(),
  rows: [
    { name: 'used_cpu_sys', kind: 'counter', read: ({ cpu }) => cpu.system, print: microsecondsAsSeconds },
    { name: 'used_cpu_user', kind: 'counter', read: ({ cpu }) => cpu.user, print: microsecondsAsSeconds },
    none('used_cpu_sys_children', digits(6)),
    none('used_cpu_user_children', digits(6)),
  ],
}

/**
 * Not part of INFO all: counting keys walks over all of them (key-sizes.ts), so a client must ask
 * for it by name.
 */
export const KEY_SIZES: InfoSection = { heading: 'Keysizes', rows: [family(({ keySizes }) => keySizes)] }

/** Shown only to a client that asks for it by name. */
export const DEBUG: InfoSection = {
  heading: 'Debug',
  rows: [
    counter('eventloop_duration_aof_sum', ({ engine }) => Math.floor(engine.figures.stats.journalMs * 1000)),
    counter('eventloop_duration_cron_sum', ({ engine }) => Math.floor(engine.figures.stats.upkeepMs * 1000)),
    gauge('eventloop_duration_max', ({ engine }) => Math.ceil(engine.figures.stats.turnMsMax * 1000)),
    gauge('eventloop_cmd_per_cycle_max', ({ engine }) => engine.figures.stats.commandsPerTurnMax),
  ],
}

/**
 * Figures of HTTP. Redis has nothing of the kind, so they are shown only to a client that asks for
 * them by name.
 */
export const HTTP: InfoSection = {
  heading: 'Http',
  isExtra: true,
  rows: [
    counter('http_requests', ({ engine }) => engine.figures.http.requests),
    counter('http_refused', ({ engine }) => engine.figures.http.refused),
    gauge('http_streams', ({ engine }) => engine.figures.http.streams),
    counter('http_stream_messages', ({ engine }) => engine.figures.http.messages),
    counter('http_stream_bytes', ({ engine }) => engine.figures.http.bytes),
    counter('http_streams_resumed', ({ engine }) => engine.figures.http.resumed),
    counter('http_stream_gaps', ({ engine }) => engine.figures.http.gaps),
  ],
}

/** Every section, by its name in INFO, in the order of printing. */
export const INFO_SECTIONS: ReadonlyMap<string, InfoSection> = new Map([
  ['server', SERVER],
  ['clients', CLIENTS],
  ['memory', MEMORY],
  ['persistence', PERSISTENCE],
  ['stats', STATS],
  ['replication', REPLICATION],
  ['cpu', CPU],
  ['modules', { heading: 'Modules', rows: [] }],
  ['commandstats', { heading: 'Commandstats', isExtra: true, rows: [family(commandStats)] }],
  ['errorstats', { heading: 'Errorstats', rows: [family(errorStats)] }],
  ['latencystats', { heading: 'Latencystats', isExtra: true, rows: [family(latencyStats)] }],
  [
    'cluster',
    {
      heading: 'Cluster',
      rows: [
        gauge('cluster_enabled', ({ engine }) => Number(engine.parts.cluster !== null)),
        ofMoves('cluster_moves', ({ list }) => list.filter(isUnderWay).length),
        ofMoves('cluster_moves_failing', ({ list }) => list.filter(({ failure }) => failure !== '').length),
        counterOfMoves('cluster_keys_moved', ({ keysMoved }) => keysMoved),
        ofMoves('cluster_map_version', ({ version }) => version),
        ofMessages('cluster_messages_sent', ({ sent }) => sent),
        ofMessages('cluster_messages_dropped', ({ dropped }) => dropped),
        ofMessages('cluster_messages_heard', ({ heard }) => heard),
        ofMessages('cluster_messages_missed', ({ missed }) => missed),
      ],
    },
  ],
  ['keyspace', { heading: 'Keyspace', rows: [family(keyspace)] }],
  ['keysizes', KEY_SIZES],
  ['http', HTTP],
  ['debug', DEBUG],
])

/** A figure of slots that move by themselves; other servers show none. */
function ofMoves(name: string, read: (moves: SlotMoves) => number): FigureRow {
  return gauge(
    name,
    ({
      engine: {
        parts: { cluster },
      },
    }) => cluster?.moves && read(cluster.moves),
  )
}

function counterOfMoves(name: string, read: (moves: SlotMoves) => number): FigureRow {
  return { ...ofMoves(name, read), kind: 'counter' }
}

/** A figure of messages between shards. */
function ofMessages(name: string, read: (messages: MessageFigures) => number): FigureRow {
  return {
    ...gauge(
      name,
      ({
        engine: {
          parts: { cluster },
        },
      }) => cluster?.messages && read(cluster.messages),
    ),
    kind: 'counter',
  }
}

function isUnderWay({ state }: SlotMove): boolean {
  return state !== 'done' && state !== 'cancelled'
}

/**
 * Numbered by kind, as in Redis. A listener that was closed at run time stays, with its name alone.
 */
function* listeners({ engine }: InfoFigures): Iterable<readonly [string, string]> {
  const place = engine.parts.host.describe?.()
  if (place === undefined) return
  const addresses = engine.config.get('bind').split(' ')
  const bound = addresses.map((address) => `bind=${address}`).join(',')
  if (place.tcpPort !== 0) yield ['listener0', `name=tcp,${bound},port=${place.tcpPort}`]
  else if (place.hasClosedTcp) yield ['listener0', 'name=tcp']
  if (place.unixSocket !== '') yield ['listener1', `name=unix,bind=${place.unixSocket}`]
  if (place.tlsPort !== 0) yield ['listener2', `name=tls,${bound},port=${place.tlsPort}`]
  else if (place.hasClosedTls) yield ['listener2', 'name=tls']
}

/** The port for fields that show one only: the TLS port if there is no other. */
function portOf(place: HostDescription | undefined): number {
  return place === undefined ? 0 : place.tcpPort || place.tlsPort
}

function* commandStats({ engine }: InfoFigures): Iterable<readonly [string, string]> {
  for (const command of engine.commands.used()) {
    const { rejected, failed } = command
    const calls = engine.figures.times.callsOf(command)
    if (calls === 0 && rejected === 0 && failed === 0) continue
    const microseconds = Math.round(engine.figures.times.microsecondsOf(command))
    const perCall = calls === 0 ? 0 : microseconds / calls
    yield [
      `cmdstat_${command.name}`,
      `calls=${calls},usec=${microseconds},usec_per_call=${perCall.toFixed(2)},` +
        `rejected_calls=${rejected},failed_calls=${failed}`,
    ]
  }
}

function* replicas({ replication }: InfoFigures): Iterable<readonly [string, string]> {
  let number = 0
  for (const { address, lagSeconds, state, offset, port } of replication.statuses) {
    yield [`slave${number++}`, `ip=${address},port=${port},state=${state},offset=${offset},lag=${lagSeconds}`]
  }
}

function* latencyStats({ engine }: InfoFigures): Iterable<readonly [string, string]> {
  if (!engine.config.get('latency-tracking')) return
  const percentiles = engine.config.get('latency-tracking-info-percentiles')
  const names = engine.config.text('latency-tracking-info-percentiles').split(' ')
  for (const command of engine.commands.used()) {
    const latencies = engine.figures.times.latenciesOf(command)
    if (latencies === undefined) continue
    const texts = percentiles.map((percent, i) => `p${names[i]}=${(latencies.percentile(percent) / 1000).toFixed(3)}`)
    yield [`latency_percentiles_usec_${command.name}`, texts.join(',')]
  }
}

function* errorStats({ engine }: InfoFigures): Iterable<readonly [string, string]> {
  const codes = [...engine.figures.stats.errors].sort(([a], [b]) => (a < b ? -1 : 1))
  for (const [code, count] of codes) yield [`errorstat_${code}`, `count=${count}`]
}

function* keyspace({ engine }: InfoFigures): Iterable<readonly [string, string]> {
  const now = engine.environment.unitClock.now()
  for (const database of engine.databases) {
    if (database.size === 0) continue
    const { count } = database.keys.expiries
    yield [`db${database.index}`, `keys=${database.size},expires=${count},avg_ttl=${averageTtl(database, now)}`]
  }
}

/** The number of keys whose time to live is read for the average that INFO shows. */
const TTL_SAMPLES = 32

/**
 * The average time to live of expiring keys, in milliseconds, from a sample that is spread evenly.
 */
export function averageTtl(database: Database, now: number): number {
  const { expiries } = database.keys
  if (expiries.count === 0) return 0
  const samples = Math.min(TTL_SAMPLES, expiries.count)
  const step = expiries.count / samples
  let sum = 0
  for (let i = 0; i < samples; i++) sum += Math.max(0, expiries.timeAt(Math.floor(i * step)) - now)
  return Math.round(sum / samples)
}
