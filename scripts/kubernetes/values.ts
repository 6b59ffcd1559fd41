// The values that an installation may change, with their defaults: Helm's values.yaml. Features are
// off in it; each is a component of Kustomize as well.

import { note, type Values } from './tree.ts'

/** The NATS servers of docs/kubernetes.md, three of NATS's own chart under the name `nats`. */
const LOG_SERVERS = 'nats-0.nats-headless:4222,nats-1.nats-headless:4222,nats-2.nats-headless:4222'

export const VALUES: Values = {
  name: note('The name of all objects, and the beginning of their names.', 'respite'),
  image: note('Built from deploy/Dockerfile, and pushed where your cluster finds it.', 'respite:0.1.0'),
  replicas: note('Brokers. Two do; a third lets one be upgraded while another fails.', 3),
  shardName: note("The name by which Sentinel's clients ask for the leader, and the name of the log.", 'orders'),
  maxmemory: note('Memory of the data. The container needs twice as much: see resources.', '1gb'),
  resources: {
    requests: { cpu: '1', memory: '2Gi' },
    limits: { memory: '2Gi' },
  },
  storage: note('A copy of the data for each broker, and its files: four times the data.', {
    size: '8Gi',
    className: note("Empty: the cluster's default.", ''),
  }),
  secretName: note('Holds `password`, of the user default, and `log-password`, of the user of the log.', 'respite'),
  log: {
    servers: note('The servers of the log.', LOG_SERVERS),
    options: note('Options of its address (docs/cluster.md).', '?bytes=8gb'),
  },
  config: note('More lines of the configuration file.', ''),
  spread: note('Each broker on a machine of its own, and over zones where there are any.', { enabled: true }),
  tls: note('Clients and brokers use TLS, and nothing else.', {
    enabled: false,
    secretName: note(
      'tls.crt, tls.key, ca.crt. The certificate names the Services and *.NAME-brokers.NAMESPACE.svc.',
      'respite-tls',
    ),
  }),
  acl: note('Users with rights of their own.', {
    enabled: false,
    secretName: note('Holds `users.acl`. `password` above is then that of its user `operator`.', 'respite-users'),
  }),
  snapshots: note('Snapshots let the beginning of the log go. Without them it grows until it is full.', {
    enabled: false,
    address: 's3://snapshots/orders?endpoint=https://s3.example.com&region=us-east-1',
    secretName: note('access-key-id and secret-access-key.', 'respite-store'),
  }),
  backup: note('Copies the newest snapshot to another bucket.', {
    enabled: false,
    schedule: '17 3 * * *',
    from: 's3://snapshots/orders?endpoint=https://s3.example.com&region=us-east-1',
    to: 's3://backups/orders?endpoint=https://s3.example.com&region=us-east-1',
    keep: note('The newest that stay there.', '14'),
    secretName: note(
      'access-key-id and secret-access-key, of a user who may read one and write the other.',
      'respite-backup',
    ),
  }),
  leader: note('An address that always leads to the leader, for clients that do not know Sentinel.', {
    enabled: false,
    image: 'haproxy:3.2-alpine',
    replicas: 2,
    brokersMax: note('Brokers that it looks for.', 8),
    clusterDomain: 'cluster.local',
  }),
  monitoring: note("A ServiceMonitor and a PrometheusRule, for Prometheus' operator.", { enabled: false }),
  networkPolicy: note('Who may connect: pods with the label respite-client=true, and Prometheus.', {
    enabled: false,
    prometheusNamespace: 'monitoring',
  }),
}

/** Features, each a component of Kustomize, in the order in which an overlay names them. */
export const FEATURES = ['tls', 'acl', 'snapshots', 'backup', 'leader', 'monitoring', 'network-policy'] as const

/** The values with these features on. */
export function valuesWith(features: readonly (typeof FEATURES)[number][]): Values {
  return merged(VALUES, Object.fromEntries(features.map((feature) => [keyOf(feature), { enabled: true }])))
}

/** For a machine on which things are tried out: one broker, on a log of one server that does not sync. */
export const DEVELOPMENT: Values = {
  replicas: 1,
  resources: { requests: { cpu: '100m', memory: '512Mi' }, limits: { memory: '512Mi' } },
  maxmemory: '200mb',
  storage: { size: '1Gi' },
  log: { servers: 'nats-0.nats-headless:4222', options: '?bytes=256mb&replicas=1&safety=development' },
  spread: { enabled: false },
}

/** `network-policy` → `networkPolicy`. */
export function keyOf(feature: string): string {
  return feature.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase())
}

/** Values with others in the place of some; notes are dropped. */
export function merged(values: Values, others: Values): Values {
  const all: Values = {}
  for (const [name, item] of Object.entries(values)) all[name] = item
  for (const [name, item] of Object.entries(others)) {
    const own = all[name]
    const inner = own !== null && typeof own === 'object' && 'of' in own ? (own as { of: Values[string] }).of : own
    all[name] = isMap(inner) && isMap(item) ? merged(inner, item) : item
  }
  return all
}

function isMap(item: unknown): item is Values {
  return typeof item === 'object' && item !== null && item.constructor === Object
}
