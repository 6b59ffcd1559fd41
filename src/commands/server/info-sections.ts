// What INFO tells, section by section, in Redis 7.2's words.
//
// Clients send INFO on every connect, so it is made to cost microseconds: what
// never changes is printed once, what the system must be asked for is asked at
// most ten times a second, and rates are worked out from one INFO to the next.
// A field is left out where Redis measures something that does not exist here.

import { arch, release, totalmem, type } from 'node:os'
import type { Command } from '../../engine/command.ts'
import type { Engine } from '../../engine/engine.ts'
import type { SavingStatus } from '../../engine/saving.ts'
import { REDIS_VERSION, RESPITE_VERSION } from '../../engine/version.ts'
import type { Database } from '../../store/database.ts'

/** Sections in the order they are printed. */
export const SECTIONS = [
  'server',
  'clients',
  'memory',
  'persistence',
  'stats',
  'replication',
  'cpu',
  'modules',
  'commandstats',
  'errorstats',
  'latencystats',
  'cluster',
  'keyspace',
] as const
export type Section = (typeof SECTIONS)[number]

/** What a plain INFO leaves out. */
export const NOT_BY_DEFAULT: readonly Section[] = ['commandstats', 'latencystats']

/** How long figures from the system are good for. */
const SYSTEM_FIGURES_MS = 100
/** Keys whose time to live is looked at for the average that INFO shows. */
const TTL_SAMPLES = 32

/** INFO of one engine: its printed-once parts and the figures of a moment ago. */
export class InfoSections {
  readonly #engine: Engine
  readonly #server: string
  readonly #totalMemory = totalmem()
  /** No replica has ever asked for it, but it names this history all the same. */
  readonly #replicationId: string
  #residentBytes = 0
  #cpu = ''
  #systemAskedMs = Number.NEGATIVE_INFINITY
  #sampledMs: number
  #sampledCommands = 0
  #sampledInput = 0
  #sampledOutput = 0
  #commandsPerSecond = 0
  #inputPerSecond = 0
  #outputPerSecond = 0

  constructor(engine: Engine) {
    this.#engine = engine
    this.#sampledMs = engine.clock.monotonic()
    this.#replicationId = engine.random.hex(40)
    this.#server =
      `redis_version:${REDIS_VERSION}\r\nrespite_version:${RESPITE_VERSION}\r\n` +
      'redis_git_sha1:00000000\r\nredis_git_dirty:0\r\nredis_build_id:0\r\nredis_mode:standalone\r\n' +
      `os:${type()} ${release()} ${arch() === 'x64' ? 'x86_64' : arch()}\r\narch_bits:64\r\n` +
      `monotonic_clock:node performance.now\r\nmultiplexing_api:libuv\r\nnode_version:${process.versions.node}\r\n` +
      `process_id:${process.pid}\r\nprocess_supervised:no\r\nrun_id:${engine.runId}\r\n`
  }

  /** Returns the lines of a section, its heading included. */
  text(section: Section): string {
    switch (section) {
      case 'server':
        return this.#serverText()
      case 'clients':
        return this.#clients()
      case 'memory':
        return this.#memory()
      case 'persistence':
        return this.#persistence()
      case 'stats':
        return this.#stats()
      case 'replication':
        return this.#replication()
      case 'cpu':
        this.#askSystem()
        return this.#cpu
      case 'modules':
        return '# Modules\r\n'
      case 'commandstats':
        return this.#commandStats()
      case 'errorstats':
        return this.#errorStats()
      case 'latencystats':
        return '# Latencystats\r\n'
      case 'cluster':
        return '# Cluster\r\ncluster_enabled:0\r\n'
      case 'keyspace':
        return this.#keyspace()
    }
  }

  /** CONFIG RESETSTAT set the counters back: rates begin from there. */
  reset(): void {
    this.#sampledCommands = 0
    this.#sampledInput = 0
    this.#sampledOutput = 0
  }

  #serverText(): string {
    const { config, host, startedMs } = this.#engine
    const now = this.#engine.moment.now()
    const uptime = Math.max(0, Math.floor((now - startedMs) / 1000))
    const place = host.describe?.()
    const hz = config.get('hz')
    return (
      `# Server\r\n${this.#server}tcp_port:${place?.tcpPort ?? 0}\r\nserver_time_usec:${Math.floor(now * 1000)}\r\n` +
      `uptime_in_seconds:${uptime}\r\nuptime_in_days:${Math.floor(uptime / 86400)}\r\nhz:${hz}\r\nconfigured_hz:${hz}\r\n` +
      `lru_clock:${this.#engine.dataset.accessSeconds & 0xffffff}\r\nexecutable:${place?.executable ?? process.execPath}\r\n` +
      `config_file:${place?.configFile ?? host.configFile ?? ''}\r\nio_threads_active:0\r\n${listeners(place, config.get('bind'))}`
    )
  }

  #clients(): string {
    const { blocking, clients, config, tracking } = this.#engine
    const { room } = blocking
    return (
      `# Clients\r\nconnected_clients:${clients.size}\r\ncluster_connections:0\r\nmaxclients:${config.get('maxclients')}\r\n` +
      `blocked_clients:${room.count}\r\ntracking_clients:${tracking.clientCount}\r\nclients_in_timeout_table:${room.deadlineCount}\r\n` +
      `total_blocking_keys:${room.awaitedKeys}\r\ntotal_blocking_keys_on_nokey:0\r\n`
    )
  }

  #memory(): string {
    const { config, stats } = this.#engine
    this.#askSystem()
    this.#engine.dataset.notePeak()
    const used = this.#engine.dataset.usedBytes
    const peak = stats.usedMemoryPeak
    const resident = this.#residentBytes
    const limit = config.get('maxmemory')
    let pending = 0
    for (const db of this.#engine.databases) pending += db.lazyFree.pending
    return (
      `# Memory\r\nused_memory:${used}\r\nused_memory_human:${human(used)}\r\n` +
      `used_memory_rss:${resident}\r\nused_memory_rss_human:${human(resident)}\r\n` +
      `used_memory_peak:${peak}\r\nused_memory_peak_human:${human(peak)}\r\n` +
      `used_memory_peak_perc:${(peak === 0 ? 100 : (used / peak) * 100).toFixed(2)}%\r\n` +
      `used_memory_dataset:${used}\r\nused_memory_dataset_perc:100.00%\r\n` +
      `total_system_memory:${this.#totalMemory}\r\ntotal_system_memory_human:${human(this.#totalMemory)}\r\n` +
      `maxmemory:${limit}\r\nmaxmemory_human:${human(limit)}\r\nmaxmemory_policy:${config.text('maxmemory-policy')}\r\n` +
      `mem_fragmentation_ratio:${(used === 0 ? 1 : resident / used).toFixed(2)}\r\n` +
      `mem_fragmentation_bytes:${resident - used}\r\nmem_not_counted_for_evict:0\r\nmem_replication_backlog:0\r\n` +
      `mem_total_replication_buffers:0\r\nmem_clients_slaves:0\r\nmem_cluster_links:0\r\n` +
      `mem_aof_buffer:${this.#engine.durability.progress.status?.bufferedBytes ?? 0}\r\nmem_allocator:v8\r\n` +
      `active_defrag_running:0\r\nlazyfree_pending_objects:${pending}\r\n` +
      `lazyfreed_objects:${this.#engine.stats.lazyFreedObjects}\r\n`
    )
  }

  #persistence(): string {
    const { durability, loading: load, saving, stats } = this.#engine
    const { progress } = durability
    const loading = load.progress
    const status = saving?.status ?? NOTHING_SAVED
    // Where `appendonly` was turned on while the server runs, it is so from then on, not only when the first base is there.
    const isOn = progress.enabled || (saving !== undefined && this.#engine.config.get('appendonly'))
    let text =
      `# Persistence\r\nloading:${loading === undefined ? 0 : 1}\r\nasync_loading:0\r\ncurrent_cow_peak:0\r\n` +
      'current_cow_size:0\r\ncurrent_cow_size_age:0\r\ncurrent_fork_perc:0.00\r\n' +
      `current_save_keys_processed:${status.keysProcessed}\r\ncurrent_save_keys_total:${status.keysTotal}\r\n` +
      `rdb_changes_since_last_save:${stats.changesSinceSave}\r\nrdb_bgsave_in_progress:${status.saveInProgress ? 1 : 0}\r\n` +
      `rdb_last_save_time:${Math.floor((saving?.lastSaveMs ?? this.#engine.startedMs) / 1000)}\r\n` +
      `rdb_last_bgsave_status:${status.lastSaveOk ? 'ok' : 'err'}\r\n` +
      `rdb_last_bgsave_time_sec:${status.lastSaveSeconds}\r\nrdb_current_bgsave_time_sec:${status.currentSaveSeconds}\r\n` +
      `rdb_saves:${status.saves}\r\nrdb_last_cow_size:0\r\n` +
      `rdb_last_load_keys_expired:${status.keysExpiredAtLoad}\r\nrdb_last_load_keys_loaded:${status.keysLoaded}\r\n` +
      `aof_enabled:${isOn ? 1 : 0}\r\naof_rewrite_in_progress:${status.rewriteInProgress ? 1 : 0}\r\n` +
      `aof_rewrite_scheduled:${status.rewriteScheduled ? 1 : 0}\r\n` +
      `aof_last_rewrite_time_sec:${status.lastRewriteSeconds}\r\n` +
      `aof_current_rewrite_time_sec:${status.currentRewriteSeconds}\r\n` +
      `aof_last_bgrewrite_status:${status.lastRewriteOk ? 'ok' : 'err'}\r\naof_rewrites:${status.rewrites}\r\n` +
      `aof_rewrites_consecutive_failures:${status.rewriteFailuresInARow}\r\n` +
      `aof_last_write_status:${progress.failure === undefined ? 'ok' : 'err'}\r\naof_last_cow_size:0\r\n` +
      'module_fork_in_progress:0\r\nmodule_fork_last_cow_size:0\r\n' +
      // Of Respite's own: where Redis forks, and says how long that took, there are slices here.
      `respite_snapshot_longest_slice_usec:${Math.round(1000 * status.longestSliceMs)}\r\n`
    const file = progress.status
    if (progress.enabled && file !== undefined) {
      text +=
        `aof_current_size:${file.currentBytes}\r\naof_base_size:${status.rewriteBaseBytes}\r\n` +
        `aof_pending_rewrite:${status.rewriteScheduled ? 1 : 0}\r\naof_buffer_length:${file.bufferedBytes}\r\n` +
        `aof_pending_bio_fsync:${file.pendingSyncs}\r\naof_delayed_fsync:${file.delayedSyncs}\r\n`
    }
    return loading === undefined
      ? text
      : text + loadingText(loading, this.#engine.moment.now(), this.#engine.dataset.usedBytes)
  }

  #stats(): string {
    this.#sample()
    const { broker, dataset, stats, tracking } = this.#engine
    const { hits, misses } = dataset
    return (
      `# Stats\r\ntotal_connections_received:${stats.connectionsReceived}\r\n` +
      `total_commands_processed:${stats.commandsProcessed}\r\ninstantaneous_ops_per_sec:${this.#commandsPerSecond}\r\n` +
      `total_net_input_bytes:${stats.inputBytes}\r\ntotal_net_output_bytes:${stats.outputBytes}\r\n` +
      'total_net_repl_input_bytes:0\r\ntotal_net_repl_output_bytes:0\r\n' +
      `instantaneous_input_kbps:${this.#inputPerSecond.toFixed(2)}\r\n` +
      `instantaneous_output_kbps:${this.#outputPerSecond.toFixed(2)}\r\n` +
      'instantaneous_input_repl_kbps:0.00\r\ninstantaneous_output_repl_kbps:0.00\r\n' +
      `rejected_connections:${stats.connectionsRejected}\r\nsync_full:0\r\nsync_partial_ok:0\r\nsync_partial_err:0\r\n` +
      `expired_keys:${stats.expiredKeys}\r\nexpired_stale_perc:0.00\r\nexpired_time_cap_reached_count:0\r\n` +
      `evicted_keys:${stats.evictedKeys}\r\nevicted_clients:0\r\ntotal_eviction_exceeded_time:0\r\n` +
      `current_eviction_exceeded_time:0\r\nkeyspace_hits:${hits}\r\nkeyspace_misses:${misses}\r\n` +
      `pubsub_channels:${broker.channelCount}\r\npubsub_patterns:${broker.patternCount}\r\n` +
      `pubsubshard_channels:${broker.shardChannelCount}\r\nlatest_fork_usec:0\r\ntotal_forks:0\r\n` +
      'migrate_cached_sockets:0\r\nslave_expires_tracked_keys:0\r\nactive_defrag_hits:0\r\nactive_defrag_misses:0\r\n' +
      'active_defrag_key_hits:0\r\nactive_defrag_key_misses:0\r\ntotal_active_defrag_time:0\r\n' +
      `current_active_defrag_time:0\r\ntracking_total_keys:${tracking.keyCount}\r\n` +
      `tracking_total_items:${tracking.itemCount}\r\ntracking_total_prefixes:${tracking.prefixCount}\r\n` +
      `unexpected_error_replies:0\r\ntotal_error_replies:${stats.errorReplies}\r\ndump_payload_sanitizations:0\r\n` +
      `io_threaded_reads_processed:0\r\nio_threaded_writes_processed:0\r\n` +
      `client_output_buffer_limit_disconnections:${stats.outputLimitDisconnects}\r\n` +
      'acl_access_denied_cmd:0\r\nacl_access_denied_key:0\r\nacl_access_denied_channel:0\r\n'
    )
  }

  #replication(): string {
    return (
      '# Replication\r\nrole:master\r\nconnected_slaves:0\r\nmaster_failover_state:no-failover\r\n' +
      `master_replid:${this.#replicationId}\r\nmaster_replid2:${'0'.repeat(40)}\r\n` +
      'master_repl_offset:0\r\nsecond_repl_offset:-1\r\nrepl_backlog_active:0\r\n' +
      `repl_backlog_size:${this.#engine.config.get('repl-backlog-size')}\r\n` +
      'repl_backlog_first_byte_offset:0\r\nrepl_backlog_histlen:0\r\n'
    )
  }

  #commandStats(): string {
    let text = '# Commandstats\r\n'
    for (const command of this.#engine.commands.all()) {
      const { calls, rejected, failed } = command
      if (calls === 0 && rejected === 0 && failed === 0) continue
      const microseconds = Math.round(spentMicroseconds(command))
      const perCall = calls === 0 ? 0 : microseconds / calls
      text +=
        `cmdstat_${command.name}:calls=${calls},usec=${microseconds},usec_per_call=${perCall.toFixed(2)},` +
        `rejected_calls=${rejected},failed_calls=${failed}\r\n`
    }
    return text
  }

  #errorStats(): string {
    let text = '# Errorstats\r\n'
    const codes = [...this.#engine.stats.errors].sort(([a], [b]) => (a < b ? -1 : 1))
    for (const [code, count] of codes) text += `errorstat_${code}:count=${count}\r\n`
    return text
  }

  #keyspace(): string {
    let text = '# Keyspace\r\n'
    for (const database of this.#engine.databases) {
      if (database.size === 0) continue
      const { count } = database.keys.expiries
      text += `db${database.index}:keys=${database.size},expires=${count},avg_ttl=${this.#averageTtl(database)}\r\n`
    }
    return text
  }

  /** Milliseconds to live of keys that expire, averaged over some of them, spread evenly. */
  #averageTtl(database: Database): number {
    const { expiries } = database.keys
    if (expiries.count === 0) return 0
    const now = this.#engine.moment.now()
    const samples = Math.min(TTL_SAMPLES, expiries.count)
    const step = expiries.count / samples
    let sum = 0
    for (let i = 0; i < samples; i++) sum += Math.max(0, expiries.timeAt(Math.floor(i * step)) - now)
    return Math.round(sum / samples)
  }

  #askSystem(): void {
    const now = this.#engine.clock.monotonic()
    if (now - this.#systemAskedMs < SYSTEM_FIGURES_MS) return
    this.#systemAskedMs = now
    // The whole of memoryUsage() walks V8's heap spaces; this is one read of a file.
    this.#residentBytes = process.memoryUsage.rss()
    const { system, user } = process.cpuUsage()
    this.#cpu =
      `# CPU\r\nused_cpu_sys:${(system / 1e6).toFixed(6)}\r\nused_cpu_user:${(user / 1e6).toFixed(6)}\r\n` +
      'used_cpu_sys_children:0.000000\r\nused_cpu_user_children:0.000000\r\n'
  }

  /** Rates since the last look, if that was long enough ago to mean something. */
  #sample(): void {
    const { stats } = this.#engine
    const now = this.#engine.clock.monotonic()
    const seconds = (now - this.#sampledMs) / 1000
    if (seconds * 1000 < SYSTEM_FIGURES_MS) return
    this.#commandsPerSecond = Math.round(Math.max(0, stats.commandsProcessed - this.#sampledCommands) / seconds)
    this.#inputPerSecond = Math.max(0, stats.inputBytes - this.#sampledInput) / 1024 / seconds
    this.#outputPerSecond = Math.max(0, stats.outputBytes - this.#sampledOutput) / 1024 / seconds
    this.#sampledMs = now
    this.#sampledCommands = stats.commandsProcessed
    this.#sampledInput = stats.inputBytes
    this.#sampledOutput = stats.outputBytes
  }
}

/** Where nobody saves. */
const NOTHING_SAVED: SavingStatus = {
  saveInProgress: false,
  currentSaveSeconds: -1,
  lastSaveSeconds: -1,
  lastSaveOk: true,
  saves: 0,
  keysProcessed: 0,
  keysTotal: 0,
  longestSliceMs: 0,
  rewriteInProgress: false,
  rewriteScheduled: false,
  currentRewriteSeconds: -1,
  lastRewriteSeconds: -1,
  lastRewriteOk: true,
  rewrites: 0,
  rewriteFailuresInARow: 0,
  rewriteBaseBytes: 0,
  keysLoaded: 0,
  keysExpiredAtLoad: 0,
}

/** Time spent in a command: what was timed, and as much for the calls since as those before took (see Runner). */
function spentMicroseconds(command: Command): number {
  const timed = command.calls - command.untimed
  return timed <= 0 ? command.microseconds : command.microseconds + (command.microseconds / timed) * command.untimed
}

function listeners(place: { tcpPort: number; unixSocket: string } | undefined, bind: string): string {
  const lines: string[] = []
  if (place !== undefined && place.tcpPort !== 0) {
    const addresses = bind.split(' ').map((address) => `bind=${address}`)
    lines.push(`name=tcp,${addresses.join(',')},port=${place.tcpPort}`)
  }
  if (place !== undefined && place.unixSocket !== '') lines.push(`name=unix,bind=${place.unixSocket}`)
  return lines.map((line, i) => `listener${i}:${line}\r\n`).join('')
}

function loadingText(
  loading: { startedMs: number; totalBytes: number; loadedBytes: number },
  now: number,
  used: number,
): string {
  const { startedMs, totalBytes, loadedBytes } = loading
  const elapsed = Math.max(1, (now - startedMs) / 1000)
  const eta = loadedBytes === 0 ? 1 : Math.ceil((elapsed * Math.max(0, totalBytes - loadedBytes)) / loadedBytes)
  const percent = totalBytes === 0 ? 100 : (loadedBytes / totalBytes) * 100
  return (
    `loading_start_time:${Math.floor(startedMs / 1000)}\r\nloading_total_bytes:${totalBytes}\r\n` +
    `loading_rdb_used_mem:${used}\r\nloading_loaded_bytes:${loadedBytes}\r\n` +
    `loading_loaded_perc:${percent.toFixed(2)}\r\nloading_eta_seconds:${eta}\r\n`
  )
}

/** Prints bytes as Redis does for people: 991.23K. */
export function human(bytes: number): string {
  if (bytes < 1024) return `${bytes}B`
  let value = bytes
  for (const unit of ['K', 'M', 'G', 'T', 'P']) {
    value /= 1024
    if (value < 1024 || unit === 'P') return `${value.toFixed(2)}${unit}`
  }
  return `${bytes}B`
}
