// Makes docs/metrics.md: every metric that the server serves, and those of redis_exporter that mean
// nothing here.

import { catalog } from '../src/commands/catalog.ts'
import { makeParts } from '../src/commands/parts.ts'
import { Config } from '../src/config/config.ts'
import { Engine } from '../src/engine/engine.ts'
import { type MetricSource, MetricSources } from '../src/metrics/metric-source.ts'
import { RuntimeMetrics } from '../src/metrics/runtime-metrics.ts'
import { addMetrics } from '../src/metrics/scrape.ts'

/** Metrics of redis_exporter, without `redis_`, that are not served, by the reason. */
const MEANINGLESS: readonly (readonly [reason: string, names: string])[] = [
  [
    'There is no fork: a snapshot is written in slices (`respite_snapshot_longest_slice_seconds`).',
    'latest_fork_seconds rdb_last_cow_size_bytes aof_last_cow_size_bytes module_fork_in_progress ' +
      'module_fork_last_cow_size cpu_sys_children_seconds_total cpu_user_children_seconds_total',
  ],
  ['There is no buffer of a rewrite: writes meanwhile go to a file of their own.', 'aof_rewrite_buffer_length'],
  [
    'There are no I/O threads; the CPU time of the process is `redis_cpu_*`.',
    'io_threads_active io_threaded_reads_processed io_threaded_writes_processed config_io_threads ' +
      'cpu_sys_main_thread_seconds_total cpu_user_main_thread_seconds_total active_time_io_thread_seconds_total',
  ],
  [
    "Scripts have no virtual machine of their own: their values are in the runtime's heap (`nodejs_heap_size_used_bytes`).",
    'memory_used_lua_bytes memory_used_vm_eval_bytes memory_used_vm_functions_bytes memory_used_vm_total',
  ],
  [
    'The allocator is our own, and keeps no pages that the system does not count.',
    'allocator_rss_ratio allocator_rss_bytes allocator_muzzy_bytes mem_overhead_db_hashtable_rehashing_bytes',
  ],
  ['Nothing is defragmented.', 'active_defrag_running defrag_hits defrag_misses defrag_key_hits defrag_key_misses'],
  [
    'Expiry and eviction work by deadlines and in small steps: no cycle can take too long.',
    'expired_stale_percentage expired_time_cap_reached_total expire_cycle_cpu_time_ms_total ' +
      'eviction_exceeded_time_ms_total current_eviction_exceeded_time_ms',
  ],
  [
    'Nodes do not talk with each other ([cluster.md](cluster.md#several-nodes)). Messages between shards are `respite_cluster_messages_*`.',
    'cluster_messages_sent_total cluster_messages_received_total cluster_slots_pfail ' +
      'total_cluster_links_buffer_limit_exceeded mem_cluster_links',
  ],
  ['MIGRATE opens a connection for each call.', 'migrate_cached_sockets_total'],
  ["A primary's stream is part of `redis_net_input_bytes_total`.", 'net_repl_input_bytes_total'],
  ['Clients share their buffers.', 'reply_buffer_shrinks_total reply_buffer_expands_total'],
  ['It cannot happen here.', 'unexpected_error_replies dump_payload_sanitizations'],
  [
    'INFO of Redis 7.2 does not have it.',
    'pubsub_clients watching_clients total_watched_keys evicted_scripts_total expired_subkeys_total ' +
      'client_query_buffer_limit_disconnections_total client_longest_output_list client_biggest_input_buf',
  ],
  [
    'Settings are shown by CONFIG GET.',
    'config_key_value config_value config_client_output_buffer_limit_bytes ' +
      'config_client_output_buffer_limit_overcome_seconds',
  ],
  [
    'It is about the exporter. Here `respite_metrics_last_scrape_seconds` says how long a scrape took, and `up` whether it succeeded.',
    'exporter_build_info exporter_scrapes_total exporter_scrape_duration_seconds exporter_last_scrape_error ' +
      'exporter_last_scrape_duration_seconds exporter_last_scrape_connect_time_seconds ' +
      'exporter_last_scrape_ping_time_seconds target_scrape_request_errors_total',
  ],
  [
    'redis_exporter has it only for keys, scripts and clients that its own options name. Lengths of keys: `metrics-queues`.',
    'key_value key_value_as_string keys_count key_memory_usage_bytes key_group_count key_group_memory_usage_bytes ' +
      'number_of_distinct_key_groups last_key_groups_scrape_duration_milliseconds script_values script_result ' +
      'stream_length stream_radix_tree_keys stream_radix_tree_nodes stream_groups stream_group_consumers ' +
      'stream_group_messages_pending stream_group_consumer_messages_pending stream_group_consumer_idle_seconds ' +
      'connected_client_info connected_clients_details connected_client_output_buffer_memory_usage_bytes',
  ],
  [
    'It is about Sentinel: run the exporter beside yours.',
    'sentinel_tilt sentinel_masters sentinel_running_scripts sentinel_scripts_queue_length ' +
      'sentinel_simulate_failure_flags sentinel_master_status sentinel_master_slaves sentinel_master_ok_slaves ' +
      'sentinel_master_sentinels sentinel_master_ok_sentinels',
  ],
  [
    "It is about modules, or about other servers (`tile38_*`, `search_*`, KeyDB's, Azure's).",
    'module_info memory_max_reservation_bytes memory_max_reservation_desired_bytes ' +
      'memory_max_fragmentation_reservation_bytes memory_max_fragmentation_reservation_desired_bytes ' +
      'server_threads_total long_lock_waits_total current_client_thread cached_keys_total ' +
      'storage_provider_read_hits storage_provider_read_misses',
  ],
]

/** Returns the metrics of redis_exporter that are not served, with their prefix. */
export function meaninglessMetrics(): string[] {
  return MEANINGLESS.flatMap(([, names]) => names.split(' ').map((name) => `redis_${name}`))
}

/** Returns the text of docs/metrics.md. `generated` is the note at its top. */
export function metricsPage(generated: string): string {
  const sources = servedMetrics()
  const ofKind = (isRedis: boolean): string[] =>
    sources.filter(({ name }) => name.startsWith('redis_') === isRedis).map(rowOf)
  return [
    generated,
    '# Metrics',
    '',
    '*Reference.* For operators who make boards and alerts. Afterwards you know every metric that `metrics-port` serves, and which of',
    "redis_exporter's are not there.",
    '',
    'A metric without a value is left out: a primary has no link to a primary, a server without a log no position in it.',
    '',
    "## redis_exporter's",
    '',
    'They have the names, the labels and the meaning that redis_exporter gives them.',
    '',
    '| metric | kind | |',
    '|---|---|---|',
    ...ofKind(true),
    '',
    '## Others',
    '',
    '`nodejs_` and `process_` are names of prom-client, `bullmq_job_count` is that of BullMQ.',
    '',
    '| metric | kind | |',
    '|---|---|---|',
    ...ofKind(false),
    '',
    "## redis_exporter's that mean nothing here",
    '',
    'A board that shows one of them has an empty panel.',
    '',
    '| why | metrics, without `redis_` |',
    '|---|---|',
    ...MEANINGLESS.map(
      ([reason, names]) =>
        `| ${reason} | ${names
          .split(' ')
          .map((name) => `\`${name}\``)
          .join(', ')} |`,
    ),
    '',
  ].join('\n')
}

function rowOf({ help, name, type }: MetricSource): string {
  return `| \`${name}\` | ${type} | ${help.replaceAll('|', '\\|')} |`
}

/** Every metric that an engine and the runtime register, in alphabetical order. */
function servedMetrics(): MetricSource[] {
  const engine = new Engine({ commands: catalog, config: new Config() }, makeParts)
  const runtime = new RuntimeMetrics()
  const list = new ListedSources()
  addMetrics(list, engine, runtime).stop()
  runtime.stop()
  engine.stop()
  return list.sources.toSorted((a, b) => (a.name < b.name ? -1 : 1))
}

class ListedSources extends MetricSources {
  readonly sources: MetricSource[] = []

  constructor() {
    super({ registerMetric: () => {} })
  }

  override add(source: MetricSource): void {
    this.sources.push(source)
  }
}
