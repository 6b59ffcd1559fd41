// Fields of INFO that are also metrics, under the names that redis_exporter gives them, so that
// dashboards for Redis fit.

import type { InfoFigures } from '../commands/server/info-figures.ts'
import { INFO_SECTIONS, type InfoRow } from '../commands/server/info-table.ts'
import type { MetricSources } from './metric-source.ts'

interface ExportedField {
  readonly name: string
  readonly help: string
  /** The factor from the field's unit to that of Prometheus. */
  readonly scale?: number
}

/** Field of INFO → metric. */
const EXPORTED: Readonly<Record<string, ExportedField>> = {
  // Server
  uptime_in_seconds: { name: 'redis_uptime_in_seconds', help: 'Seconds since the start.' },
  process_id: { name: 'redis_process_id', help: 'Process id.' },
  hz: { name: 'redis_hz', help: 'Runs of housekeeping a second.' },
  configured_hz: { name: 'redis_configured_hz', help: 'Runs of housekeeping a second, as configured.' },
  // Clients
  connected_clients: { name: 'redis_connected_clients', help: 'Clients that are connected.' },
  maxclients: { name: 'redis_max_clients', help: 'Clients that may be connected.' },
  blocked_clients: { name: 'redis_blocked_clients', help: 'Clients that wait in a blocking command.' },
  tracking_clients: { name: 'redis_tracking_clients', help: 'Clients that are told of changes of what they read.' },
  clients_in_timeout_table: {
    name: 'redis_clients_in_timeout_table',
    help: 'Clients that wait in a blocking command with a timeout.',
  },
  total_blocking_keys: { name: 'redis_total_blocking_keys', help: 'Keys that clients wait on.' },
  total_blocking_keys_on_nokey: {
    name: 'redis_total_blocking_keys_on_nokey',
    help: 'Keys whose removal clients wait for.',
  },
  client_recent_max_input_buffer: {
    name: 'redis_client_recent_max_input_buffer_bytes',
    help: 'Largest input buffer of a client.',
  },
  client_recent_max_output_buffer: {
    name: 'redis_client_recent_max_output_buffer_bytes',
    help: 'Largest output buffer of a client.',
  },
  // Memory
  used_memory: { name: 'redis_memory_used_bytes', help: 'Used memory: what maxmemory bounds, and the journal buffer.' },
  allocator_allocated: { name: 'redis_allocator_allocated_bytes', help: 'Used memory, by its name in Redis.' },
  allocator_active: { name: 'redis_allocator_active_bytes', help: 'Memory of used memory and of the gaps in it.' },
  allocator_resident: {
    name: 'redis_allocator_resident_bytes',
    help: 'Memory of used memory and of the gaps in it, which is all resident.',
  },
  allocator_frag_ratio: { name: 'redis_allocator_frag_ratio', help: 'Active memory over used memory.' },
  allocator_frag_bytes: { name: 'redis_allocator_frag_bytes', help: 'Bytes of the gaps in used memory.' },
  total_system_memory: { name: 'redis_total_system_memory_bytes', help: 'Memory of the machine.' },
  used_memory_rss: { name: 'redis_memory_used_rss_bytes', help: 'Resident memory of the process.' },
  used_memory_peak: { name: 'redis_memory_used_peak_bytes', help: 'Used memory at its highest.' },
  used_memory_overhead: {
    name: 'redis_memory_used_overhead_bytes',
    help: 'Used memory that is not the content of keys.',
  },
  used_memory_startup: { name: 'redis_memory_used_startup_bytes', help: 'Used memory at the start.' },
  used_memory_dataset: {
    name: 'redis_memory_used_dataset_bytes',
    help: 'Used memory that is the content of keys.',
  },
  used_memory_scripts: {
    name: 'redis_memory_used_scripts_bytes',
    help: 'Used memory of scripts and functions.',
  },
  used_memory_scripts_eval: {
    name: 'redis_memory_used_scripts_eval_bytes',
    help: 'Used memory of cached scripts.',
  },
  used_memory_functions: { name: 'redis_memory_used_functions_bytes', help: 'Used memory of functions.' },
  number_of_cached_scripts: { name: 'redis_number_of_cached_scripts', help: 'Scripts that are cached.' },
  number_of_functions: { name: 'redis_number_of_functions', help: 'Functions of all libraries.' },
  number_of_libraries: { name: 'redis_number_of_libraries', help: 'Libraries of functions.' },
  maxmemory: { name: 'redis_memory_max_bytes', help: 'Limit of used memory; 0 = none.' },
  mem_fragmentation_ratio: {
    name: 'redis_mem_fragmentation_ratio',
    help: 'Resident memory over used memory.',
  },
  mem_fragmentation_bytes: {
    name: 'redis_mem_fragmentation_bytes',
    help: 'Resident memory above used memory.',
  },
  mem_clients_normal: { name: 'redis_mem_clients_normal', help: 'Memory of client connections, in bytes.' },
  mem_clients_slaves: {
    name: 'redis_mem_clients_slaves',
    help: 'Memory that only replicas need which are behind, in bytes.',
  },
  mem_total_replication_buffers: {
    name: 'redis_mem_total_replication_buffers_bytes',
    help: 'Memory of the backlog and of what replicas have not read.',
  },
  mem_aof_buffer: { name: 'redis_mem_aof_buffer', help: 'Bytes that wait to be written to the append-only file.' },
  mem_not_counted_for_evict: {
    name: 'redis_mem_not_counted_for_eviction_bytes',
    help: 'Used memory that maxmemory does not bound.',
  },
  lazyfree_pending_objects: {
    name: 'redis_lazyfree_pending_objects',
    help: 'Removed values whose memory is being given back.',
  },
  lazyfreed_objects: {
    name: 'redis_lazyfreed_objects_total',
    help: 'Removed values whose memory was given back in steps.',
  },
  // Persistence
  loading: { name: 'redis_loading_dump_file', help: '1 while the data is loaded.' },
  async_loading: { name: 'redis_async_loading', help: "1 while a primary's data is loaded beside the data." },
  rdb_last_load_keys_loaded: { name: 'redis_rdb_last_load_loaded_keys', help: 'Keys that the last load brought.' },
  rdb_last_load_keys_expired: {
    name: 'redis_rdb_last_load_expired_keys',
    help: 'Keys that the last load left out because they had expired.',
  },
  rdb_changes_since_last_save: {
    name: 'redis_rdb_changes_since_last_save',
    help: 'Changes since the last snapshot.',
  },
  rdb_bgsave_in_progress: { name: 'redis_rdb_bgsave_in_progress', help: '1 while a snapshot is written.' },
  rdb_last_save_time: {
    name: 'redis_rdb_last_save_timestamp_seconds',
    help: 'Unix time of the last snapshot, or of the start.',
  },
  rdb_last_bgsave_status: {
    name: 'redis_rdb_last_bgsave_status',
    help: '1 when the last snapshot was written, 0 when it failed.',
  },
  rdb_last_bgsave_time_sec: {
    name: 'redis_rdb_last_bgsave_duration_sec',
    help: 'Seconds that the last snapshot took; -1 = there was none.',
  },
  rdb_current_bgsave_time_sec: {
    name: 'redis_rdb_current_bgsave_duration_sec',
    help: 'Seconds that the snapshot under way has taken; -1 = there is none.',
  },
  rdb_saves: { name: 'redis_rdb_saves_total', help: 'Snapshots that were written.' },
  respite_snapshot_longest_slice_usec: {
    name: 'respite_snapshot_longest_slice_seconds',
    help: 'Longest time that the last snapshot or rewrite kept all clients waiting in one slice.',
    scale: 1e-6,
  },
  aof_enabled: { name: 'redis_aof_enabled', help: '1 when there is an append-only file.' },
  aof_rewrite_in_progress: {
    name: 'redis_aof_rewrite_in_progress',
    help: '1 while the append-only file is rewritten.',
  },
  aof_rewrite_scheduled: { name: 'redis_aof_rewrite_scheduled', help: '1 when a rewrite is due after a snapshot.' },
  aof_last_rewrite_time_sec: {
    name: 'redis_aof_last_rewrite_duration_sec',
    help: 'Seconds that the last rewrite took; -1 = there was none.',
  },
  aof_current_rewrite_time_sec: {
    name: 'redis_aof_current_rewrite_duration_sec',
    help: 'Seconds that the rewrite under way has taken; -1 = there is none.',
  },
  aof_last_bgrewrite_status: {
    name: 'redis_aof_last_bgrewrite_status',
    help: '1 when the last rewrite succeeded, 0 when it failed.',
  },
  aof_last_write_status: {
    name: 'redis_aof_last_write_status',
    help: '1 when the append-only file can be written, 0 while it cannot.',
  },
  aof_rewrites: { name: 'redis_aof_rewrites_total', help: 'Rewrites of the append-only file.' },
  aof_current_size: { name: 'redis_aof_current_size_bytes', help: 'Size of the append-only files.' },
  aof_base_size: { name: 'redis_aof_base_size_bytes', help: 'Their size after the last rewrite or start.' },
  aof_pending_rewrite: { name: 'redis_aof_pending_rewrite', help: '1 when a rewrite is due after a snapshot.' },
  aof_buffer_length: {
    name: 'redis_aof_buffer_length',
    help: 'Bytes that wait to be written to the append-only file.',
  },
  aof_pending_bio_fsync: { name: 'redis_aof_pending_bio_fsync', help: 'Syncs of the append-only file under way.' },
  aof_delayed_fsync: {
    name: 'redis_aof_delayed_fsync',
    help: 'How often a sync was due while the one before was not done.',
  },
  // Stats
  total_connections_received: { name: 'redis_connections_received_total', help: 'Connections that were accepted.' },
  total_commands_processed: { name: 'redis_commands_processed_total', help: 'Commands that were run.' },
  rejected_connections: {
    name: 'redis_rejected_connections_total',
    help: 'Connections that were turned away: too many, or strangers in protected mode.',
  },
  total_net_input_bytes: { name: 'redis_net_input_bytes_total', help: 'Bytes read from clients.' },
  total_net_output_bytes: { name: 'redis_net_output_bytes_total', help: 'Bytes sent to clients.' },
  total_net_repl_output_bytes: { name: 'redis_net_repl_output_bytes_total', help: 'Bytes sent to replicas.' },
  total_reads_processed: { name: 'redis_total_reads_processed', help: 'Reads from sockets.' },
  total_writes_processed: { name: 'redis_total_writes_processed', help: 'Writes to sockets.' },
  expired_keys: { name: 'redis_expired_keys_total', help: 'Keys that were removed because their time was up.' },
  evicted_keys: { name: 'redis_evicted_keys_total', help: 'Keys that were removed because memory was short.' },
  evicted_clients: {
    name: 'redis_evicted_clients_total',
    help: 'Clients that were closed because all together took too much memory.',
  },
  keyspace_hits: { name: 'redis_keyspace_hits_total', help: 'Reads of keys that were there.' },
  keyspace_misses: { name: 'redis_keyspace_misses_total', help: 'Reads of keys that were not there.' },
  pubsub_channels: { name: 'redis_pubsub_channels', help: 'Channels with subscribers.' },
  pubsub_patterns: { name: 'redis_pubsub_patterns', help: 'Patterns with subscribers.' },
  pubsubshard_channels: { name: 'redis_pubsubshard_channels', help: 'Shard channels with subscribers.' },
  tracking_total_keys: { name: 'redis_tracking_total_keys', help: 'Keys of which tracking clients are told.' },
  tracking_total_items: { name: 'redis_tracking_total_items', help: 'Pairs of a tracked key and a client.' },
  tracking_total_prefixes: { name: 'redis_tracking_total_prefixes', help: 'Prefixes of which clients are told.' },
  kept_channels: { name: 'respite_kept_channels', help: 'Channels that have messages which a rule keeps.' },
  kept_messages: { name: 'respite_kept_messages', help: 'Messages that are kept.' },
  kept_bytes: { name: 'respite_kept_bytes', help: 'What kept messages take.' },
  remembered_subscribers: {
    name: 'respite_remembered_subscribers',
    help: 'Subscribers whose places are remembered, once for each channel and pattern.',
  },
  shared_names: {
    name: 'respite_shared_names',
    help: 'Names that several connections listen under, once for each channel and pattern.',
  },
  resumed_positions: {
    name: 'respite_resumed_positions_total',
    help: 'Subscriptions that continued at a remembered place.',
  },
  readers_behind: { name: 'respite_readers_behind', help: 'Subscriptions that have to read what they did not hear.' },
  messages_missed: {
    name: 'respite_messages_missed_total',
    help: 'Messages that a subscriber will never hear: they went before it read them, or it was spared them.',
  },
  client_output_buffer_limit_disconnections: {
    name: 'redis_client_output_buffer_limit_disconnections_total',
    help: 'Clients, subscribers among them, that were closed because they did not read what they were sent.',
  },
  total_error_replies: { name: 'redis_total_error_replies', help: 'Errors that were replied.' },
  acl_access_denied_auth: {
    name: 'redis_acl_access_denied_auth_total',
    help: 'Logins with a wrong name or password.',
  },
  acl_access_denied_cmd: {
    name: 'redis_acl_access_denied_cmd_total',
    help: 'Commands that their users may not use.',
  },
  acl_access_denied_key: { name: 'redis_acl_access_denied_key_total', help: 'Keys that their users may not use.' },
  acl_access_denied_channel: {
    name: 'redis_acl_access_denied_channel_total',
    help: 'Channels that their users may not use.',
  },
  // HTTP
  http_requests: { name: 'respite_http_requests_total', help: 'Requests over HTTP.' },
  http_refused: { name: 'respite_http_refused_total', help: 'Requests over HTTP that were refused.' },
  http_streams: { name: 'respite_http_streams', help: 'Streams over HTTP that are open.' },
  http_stream_messages: {
    name: 'respite_http_stream_messages_total',
    help: 'Messages that streams over HTTP were sent.',
  },
  http_stream_bytes: { name: 'respite_http_stream_bytes_total', help: 'Bytes of those messages.' },
  http_streams_resumed: {
    name: 'respite_http_streams_resumed_total',
    help: 'Streams over HTTP that went on behind a message.',
  },
  http_stream_gaps: {
    name: 'respite_http_stream_gaps_total',
    help: 'Gaps that streams over HTTP were told of: messages that were removed before.',
  },
  // Replication
  connected_slaves: { name: 'redis_connected_slaves', help: 'Replicas that are connected.' },
  min_slaves_good_slaves: {
    name: 'respite_good_slaves',
    help: 'Replicas that were heard of within min-replicas-max-lag, where min-replicas-to-write asks for some.',
  },
  master_repl_offset: { name: 'redis_master_repl_offset', help: 'Offset of the stream of changes.' },
  second_repl_offset: {
    name: 'redis_second_repl_offset',
    help: 'Offset up to which the stream is also that of the primary before; -1 = there was none.',
  },
  repl_backlog_active: { name: 'redis_repl_backlog_is_active', help: '1 while the stream is kept for replicas.' },
  repl_backlog_size: { name: 'redis_replication_backlog_bytes', help: 'Bytes of the stream that may be kept.' },
  repl_backlog_first_byte_offset: {
    name: 'redis_repl_backlog_first_byte_offset',
    help: 'Offset of the first byte that is kept.',
  },
  repl_backlog_histlen: { name: 'redis_repl_backlog_history_bytes', help: 'Bytes of the stream that are kept.' },
  sync_full: { name: 'redis_replica_resyncs_full', help: 'Full synchronisations of replicas.' },
  sync_partial_ok: {
    name: 'redis_replica_partial_resync_accepted',
    help: 'Replicas that went on from their offset.',
  },
  sync_partial_err: {
    name: 'redis_replica_partial_resync_denied',
    help: 'Replicas that asked to go on from an offset which is not kept.',
  },
  slave_expires_tracked_keys: {
    name: 'redis_slave_expires_tracked_keys',
    help: 'Keys with an expiry that were written on a writable replica.',
  },
  slave_priority: { name: 'redis_slave_priority', help: 'Rank of a replica when a primary is chosen.' },
  // Cluster
  cluster_enabled: { name: 'redis_cluster_enabled', help: '1 when this server is a node of a cluster.' },
  cluster_moves: { name: 'respite_cluster_moves', help: 'Moves of slots that are under way.' },
  cluster_moves_failing: {
    name: 'respite_cluster_moves_failing',
    help: 'Moves of slots whose last attempt failed; each is tried again.',
  },
  cluster_keys_moved: { name: 'respite_cluster_keys_moved_total', help: 'Keys that went to other shards.' },
  cluster_map_version: { name: 'respite_cluster_map_version', help: 'Version of the map that this node knows.' },
  cluster_messages_sent: {
    name: 'respite_cluster_messages_sent_total',
    help: 'Messages that were sent to other shards.',
  },
  cluster_messages_dropped: {
    name: 'respite_cluster_messages_dropped_total',
    help: 'Messages to other shards that found no way.',
  },
  cluster_messages_heard: {
    name: 'respite_cluster_messages_heard_total',
    help: 'Messages that came from other shards.',
  },
  cluster_messages_missed: {
    name: 'respite_cluster_messages_missed_total',
    help: 'Messages of other shards that did not come.',
  },
  // CPU
  used_cpu_sys: { name: 'redis_cpu_sys_seconds_total', help: 'CPU time spent in the system.', scale: 1e-6 },
  used_cpu_user: { name: 'redis_cpu_user_seconds_total', help: 'CPU time spent in the program.', scale: 1e-6 },
}

/** Registers them. Call `prepareInfo` before each scrape. */
export function addInfoMetrics(readings: MetricSources, figures: InfoFigures): void {
  for (const { rows } of INFO_SECTIONS.values()) {
    for (const row of rows) {
      if (row.kind === 'family') continue
      const exported = EXPORTED[row.name]
      if (exported === undefined) continue
      const read = (): number | undefined => numberOf(row, figures, exported.scale)
      // By Prometheus' convention the name of a counter ends with `_total`.
      if (exported.name.endsWith('_total')) readings.counter(exported.name, exported.help, read)
      else readings.gauge(exported.name, exported.help, read)
    }
  }
}

/** Looks up the figures of all sections. */
export function prepareInfo(figures: InfoFigures): void {
  figures.askSystem()
  figures.askMemory()
  figures.askChannels()
}

/** A figure in Prometheus' unit; a state (ok, err) as 1 or 0. */
function numberOf(row: Exclude<InfoRow, { kind: 'family' }>, figures: InfoFigures, scale = 1): number | undefined {
  const value = row.read(figures)
  if (value === undefined) return undefined
  if (typeof value === 'number') return value * scale
  return /^\d+$/.test(value) ? Number(value) : value === 'ok' ? 1 : 0
}
