// The objects of Kubernetes: brokers on a log, and what they may have beside them.
//
// Types are those that Kubernetes publishes, so a field that does not exist is an error of the
// compiler. Decision 0079 says why every broker that serves is ready, and how clients find the
// leader.

import { readFileSync } from 'node:fs'
import type { Deployment, StatefulSet } from 'kubernetes-types/apps/v1.d.ts'
import type { CronJob } from 'kubernetes-types/batch/v1.d.ts'
import type { ConfigMap, Container, EnvVar, Service, ServiceAccount } from 'kubernetes-types/core/v1.d.ts'
import type { NetworkPolicy } from 'kubernetes-types/networking/v1.d.ts'
import type { PodDisruptionBudget } from 'kubernetes-types/policy/v1.d.ts'
import { parse } from 'yaml'
import { either, note, type Tree, value, when } from './tree.ts'

const NAME = value('name')
const BROKERS = `${NAME}-brokers`
const LEADER = `${NAME}-leader`
const BACKUP = `${NAME}-backup`

const PORT = 6379
const METRICS_PORT = 9121
/** The user `node` of the image. */
const USER = 1000
const HAPROXY_USER = 99

const labels = (component: string): Record<string, string> => ({
  'app.kubernetes.io/name': 'respite',
  'app.kubernetes.io/instance': NAME,
  'app.kubernetes.io/component': component,
})

/** Where clients and other brokers reach a broker. */
const ADDRESS = `$(POD_NAME).${BROKERS}.$(POD_NAMESPACE).svc`

const metadata = (name: string, component: string) => ({ name, labels: labels(component) })

const fromSecret = (name: string, secret: string, key: string): EnvVar => ({
  name,
  valueFrom: { secretKeyRef: { name: secret, key } },
})

const fromConfig = (name: string, key: string): EnvVar => ({
  name,
  valueFrom: { configMapKeyRef: { name: NAME, key } },
})

const fromPod = (name: string, fieldPath: string): EnvVar => ({ name, valueFrom: { fieldRef: { fieldPath } } })

const container = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ['ALL'] },
}

const pod = (user: number) => ({
  runAsNonRoot: true,
  runAsUser: user,
  runAsGroup: user,
  seccompProfile: { type: 'RuntimeDefault' },
})

// ── brokers ──────────────────────────────────────────────────────

const serviceAccount: ServiceAccount = {
  apiVersion: 'v1',
  kind: 'ServiceAccount',
  metadata: metadata(NAME, 'broker'),
  automountServiceAccountToken: false,
}

const configMap: ConfigMap = {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: metadata(NAME, 'broker'),
  data: {
    'respite.conf': `# Passwords come from the environment: RESPITE_REQUIREPASS, RESPITE_LOG.
bind * -::*
port ${PORT}
dir /data
appendonly yes
save ""
# A write is acknowledged when most servers of the log have it on their disks.
appendfsync always
shard-name ${value('shardName')}
maxmemory ${value('maxmemory')}
maxmemory-policy noeviction
metrics-port ${METRICS_PORT}
metrics-bind 0.0.0.0
# A follower that has not heard the log for so many seconds is not ready: its data is old.
readyz-max-link-down 10
include /etc/respite/[0-9]*.conf`,
    '10-tls.conf': when(
      'tls.enabled',
      `port 0
tls-port ${PORT}
tls-cert-file /etc/respite-tls/tls.crt
tls-key-file /etc/respite-tls/tls.key
tls-ca-cert-file /etc/respite-tls/ca.crt
# Clients give a password. A certificate of theirs would be asked for as well with 'yes'.
tls-auth-clients no
tls-replication yes
tls-cluster yes`,
    ),
    '20-acl.conf': when('acl.enabled', 'aclfile /etc/respite-users/users.acl'),
    '30-snapshots.conf': when('snapshots.enabled', `log-snapshots ${value('snapshots.address')}`),
    operator: note('The user of the hooks and of the proxy.', either('acl.enabled', 'operator', 'default')),
    'proxy-check': note('How the proxy connects.', either('tls.enabled', 'ssl', 'default')),
    '90-config.conf': when('config', value('config')),
  },
}

/** The words with which the tools in a container log in to its broker. */
const CONNECT = '--user "$OPERATOR" $CONNECT'

const broker: Container = {
  name: 'respite',
  image: value('image'),
  args: ['/etc/respite/respite.conf', '--replica-announce-ip', ADDRESS],
  env: [
    fromPod('POD_NAME', 'metadata.name'),
    fromPod('POD_NAMESPACE', 'metadata.namespace'),
    fromSecret('RESPITE_REQUIREPASS', value('secretName'), 'password'),
    fromSecret('LOG_PASSWORD', value('secretName'), 'log-password'),
    {
      name: 'RESPITE_LOG',
      value: `nats://respite:$(LOG_PASSWORD)@${value('log.servers')}/${value('shardName')}${value('log.options')}`,
    },
    note('Compiled code, for the next start.', { name: 'RESPITE_CODE_CACHE', value: '/data/code-cache' }),
    note('How the hook below logs in.', fromSecret('REDISCLI_AUTH', value('secretName'), 'password')),
    fromConfig('OPERATOR', 'operator'),
    { name: 'CONNECT', value: either('tls.enabled', `--cacert /etc/respite-tls/ca.crt --sni ${ADDRESS}`, '') },
    when('snapshots.enabled', fromSecret('AWS_ACCESS_KEY_ID', value('snapshots.secretName'), 'access-key-id')),
    when('snapshots.enabled', fromSecret('AWS_SECRET_ACCESS_KEY', value('snapshots.secretName'), 'secret-access-key')),
  ],
  ports: [
    { name: 'resp', containerPort: PORT },
    { name: 'metrics', containerPort: METRICS_PORT },
  ],
  startupProbe: note('It listens; LOADING is an answer, however long loading takes.', {
    exec: { command: ['respite', 'health'] },
    periodSeconds: 2,
    timeoutSeconds: 5,
    failureThreshold: 60,
  }),
  readinessProbe: note('It serves: leader and followers alike.', {
    httpGet: { path: '/readyz', port: 'metrics' },
    periodSeconds: 2,
    timeoutSeconds: 2,
    failureThreshold: 2,
  }),
  livenessProbe: note('A script may hold it up for some seconds: that is no reason to end it.', {
    httpGet: { path: '/healthz', port: 'metrics' },
    periodSeconds: 10,
    timeoutSeconds: 5,
    failureThreshold: 6,
  }),
  lifecycle: {
    preStop: note(
      'The lead goes to another broker first. Then Services have some seconds to forget this one, while it still serves.',
      { exec: { command: ['sh', '-c', `respite cluster handover --node 127.0.0.1:${PORT} ${CONNECT}; sleep 5`] } },
    ),
  },
  resources: value('resources'),
  securityContext: container,
  volumeMounts: [
    { name: 'data', mountPath: '/data' },
    { name: 'config', mountPath: '/etc/respite', readOnly: true },
    { name: 'tmp', mountPath: '/tmp' },
    when('tls.enabled', { name: 'tls', mountPath: '/etc/respite-tls', readOnly: true }),
    when('acl.enabled', { name: 'users', mountPath: '/etc/respite-users', readOnly: true }),
  ],
}

const statefulSet: StatefulSet = {
  apiVersion: 'apps/v1',
  kind: 'StatefulSet',
  metadata: metadata(NAME, 'broker'),
  spec: {
    serviceName: BROKERS,
    replicas: value<number>('replicas'),
    podManagementPolicy: note('A broker that cannot start must not keep the others from it.', 'Parallel' as const),
    updateStrategy: { type: 'RollingUpdate' },
    minReadySeconds: note('One that has just begun is not the best next leader.', 10),
    persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Retain', whenScaled: 'Retain' },
    selector: { matchLabels: labels('broker') },
    template: {
      metadata: { labels: labels('broker') },
      spec: {
        serviceAccountName: NAME,
        automountServiceAccountToken: false,
        enableServiceLinks: false,
        terminationGracePeriodSeconds: note('A handover, five seconds, and the sync of what was written.', 120),
        securityContext: { ...pod(USER), fsGroup: USER, fsGroupChangePolicy: 'OnRootMismatch' },
        affinity: when('spread.enabled', {
          podAntiAffinity: {
            requiredDuringSchedulingIgnoredDuringExecution: [
              { topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels: labels('broker') } },
            ],
          },
        }),
        topologySpreadConstraints: when('spread.enabled', [
          {
            maxSkew: 1,
            topologyKey: 'topology.kubernetes.io/zone',
            whenUnsatisfiable: 'ScheduleAnyway',
            labelSelector: { matchLabels: labels('broker') },
          },
        ]),
        containers: [broker],
        volumes: [
          { name: 'config', configMap: { name: NAME } },
          { name: 'tmp', emptyDir: { sizeLimit: '64Mi' } },
          when('tls.enabled', { name: 'tls', secret: { secretName: value('tls.secretName'), defaultMode: 0o440 } }),
          when('acl.enabled', {
            name: 'users',
            secret: {
              secretName: value('acl.secretName'),
              defaultMode: 0o440,
              items: [{ key: 'users.acl', path: 'users.acl' }],
            },
          }),
        ],
      },
    },
    volumeClaimTemplates: [
      {
        metadata: { name: 'data' },
        spec: {
          accessModes: ['ReadWriteOnce'],
          storageClassName: when('storage.className', value('storage.className')),
          resources: { requests: { storage: value('storage.size') } },
        },
      },
    ],
  },
}

const headless: Service = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: metadata(BROKERS, 'broker'),
  spec: {
    clusterIP: 'None',
    publishNotReadyAddresses: note('A broker has its name from the start until its end.', true),
    selector: labels('broker'),
    ports: [
      { name: 'resp', port: PORT, targetPort: 'resp' },
      { name: 'metrics', port: METRICS_PORT, targetPort: 'metrics' },
    ],
  },
}

const service: Service = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: metadata(NAME, 'any-broker'),
  spec: {
    selector: labels('broker'),
    ports: [{ name: 'resp', port: PORT, targetPort: 'resp' }],
  },
}

const disruptionBudget: PodDisruptionBudget = {
  apiVersion: 'policy/v1',
  kind: 'PodDisruptionBudget',
  metadata: metadata(NAME, 'broker'),
  spec: {
    maxUnavailable: 1,
    unhealthyPodEvictionPolicy: 'AlwaysAllow',
    selector: { matchLabels: labels('broker') },
  },
}

// ── the address of the leader ────────────────────────────────────

const haproxy: ConfigMap = {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: metadata(LEADER, 'leader-proxy'),
  data: {
    'haproxy.cfg': `global
  log stdout format raw local0 notice
  # Clients verify the brokers' certificates, through the proxy; it asks for a role, and no more.
  ssl-server-verify none

defaults
  mode tcp
  log global
  timeout connect 2s
  # Subscribers and clients that wait may be silent for long; a dead peer is noticed below.
  timeout client 24h
  timeout server 24h
  timeout check 1s
  option clitcpka
  option srvtcpka
  srvtcpka-idle 5s
  srvtcpka-intvl 2s
  srvtcpka-cnt 3

resolvers cluster
  parse-resolv-conf
  hold valid 2s
  hold obsolete 10s

frontend clients
  bind :${PORT}
  default_backend leader

frontend health
  mode http
  bind :8404
  monitor-uri /healthz

# A broker is up here exactly while it leads. Its connections are not cut when it does not any more:
# it closes them itself, when it has passed on their last requests.
backend leader
  option tcp-check
  tcp-check connect "\${CHECK_CONNECTION}"
  tcp-check send "AUTH \${CHECK_USER} \${CHECK_PASSWORD}"
  tcp-check send-binary 0d0a
  tcp-check expect string +OK
  tcp-check send ROLE
  tcp-check send-binary 0d0a
  # The first word of its reply is "master".
  tcp-check expect binary 24360d0a6d6173746572
  default-server check inter 500ms fall 1 rise 1 tcp-ut 5s resolvers cluster init-addr none
  server-template broker ${value('leader.brokersMax')} "${BROKERS}.\${POD_NAMESPACE}.svc.${value('leader.clusterDomain')}:${PORT}"`,
  },
}

const leaderProxy: Deployment = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: metadata(LEADER, 'leader-proxy'),
  spec: {
    replicas: value<number>('leader.replicas'),
    selector: { matchLabels: labels('leader-proxy') },
    template: {
      metadata: { labels: labels('leader-proxy') },
      spec: {
        automountServiceAccountToken: false,
        enableServiceLinks: false,
        securityContext: pod(HAPROXY_USER),
        affinity: {
          podAntiAffinity: {
            preferredDuringSchedulingIgnoredDuringExecution: [
              {
                weight: 100,
                podAffinityTerm: {
                  topologyKey: 'kubernetes.io/hostname',
                  labelSelector: { matchLabels: labels('leader-proxy') },
                },
              },
            ],
          },
        },
        containers: [
          {
            name: 'haproxy',
            image: value('leader.image'),
            args: ['haproxy', '-W', '-db', '-f', '/etc/haproxy/haproxy.cfg'],
            env: [
              fromPod('POD_NAMESPACE', 'metadata.namespace'),
              fromConfig('CHECK_USER', 'operator'),
              fromSecret('CHECK_PASSWORD', value('secretName'), 'password'),
              fromConfig('CHECK_CONNECTION', 'proxy-check'),
            ],
            ports: [
              { name: 'resp', containerPort: PORT },
              { name: 'health', containerPort: 8404 },
            ],
            readinessProbe: { httpGet: { path: '/healthz', port: 'health' }, periodSeconds: 2 },
            livenessProbe: { httpGet: { path: '/healthz', port: 'health' }, periodSeconds: 10 },
            resources: { requests: { cpu: '100m', memory: '128Mi' }, limits: { memory: '256Mi' } },
            securityContext: container,
            volumeMounts: [{ name: 'config', mountPath: '/etc/haproxy', readOnly: true }],
          },
        ],
        volumes: [{ name: 'config', configMap: { name: LEADER } }],
      },
    },
  },
}

const leaderService: Service = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: metadata(LEADER, 'leader-proxy'),
  spec: {
    selector: labels('leader-proxy'),
    ports: [{ name: 'resp', port: PORT, targetPort: 'resp' }],
  },
}

const leaderBudget: PodDisruptionBudget = {
  apiVersion: 'policy/v1',
  kind: 'PodDisruptionBudget',
  metadata: metadata(LEADER, 'leader-proxy'),
  spec: { maxUnavailable: 1, selector: { matchLabels: labels('leader-proxy') } },
}

// ── backup ───────────────────────────────────────────────────────

const backup: CronJob = {
  apiVersion: 'batch/v1',
  kind: 'CronJob',
  metadata: metadata(BACKUP, 'backup'),
  spec: {
    schedule: value('backup.schedule'),
    concurrencyPolicy: 'Forbid',
    startingDeadlineSeconds: 3600,
    successfulJobsHistoryLimit: 3,
    failedJobsHistoryLimit: 3,
    jobTemplate: {
      spec: {
        backoffLimit: 3,
        activeDeadlineSeconds: 3600,
        template: {
          metadata: { labels: labels('backup') },
          spec: {
            restartPolicy: 'Never',
            automountServiceAccountToken: false,
            enableServiceLinks: false,
            securityContext: pod(USER),
            containers: [
              {
                name: 'backup',
                image: value('image'),
                command: ['respite', 'cluster', 'backup'],
                args: [
                  '--snapshots',
                  value('backup.from'),
                  '--backups',
                  value('backup.to'),
                  '--keep',
                  value('backup.keep'),
                ],
                env: [
                  { name: 'RESPITE_CODE_CACHE', value: '' },
                  fromSecret('AWS_ACCESS_KEY_ID', value('backup.secretName'), 'access-key-id'),
                  fromSecret('AWS_SECRET_ACCESS_KEY', value('backup.secretName'), 'secret-access-key'),
                ],
                resources: { requests: { cpu: '100m', memory: '256Mi' }, limits: { memory: '512Mi' } },
                securityContext: container,
              },
            ],
          },
        },
      },
    },
  },
}

// ── monitoring ───────────────────────────────────────────────────

const serviceMonitor = {
  apiVersion: 'monitoring.coreos.com/v1',
  kind: 'ServiceMonitor',
  metadata: metadata(NAME, 'broker'),
  spec: {
    jobLabel: note('The alert rules ask for the job `respite`.', 'app.kubernetes.io/name'),
    selector: { matchLabels: labels('broker') },
    endpoints: [{ port: 'metrics', path: '/metrics', interval: '15s' }],
  },
}

const rules = parse(readFileSync(new URL('../../docs/grafana/alerts.yaml', import.meta.url), 'utf8')) as {
  groups: Tree[]
}

const prometheusRule = {
  apiVersion: 'monitoring.coreos.com/v1',
  kind: 'PrometheusRule',
  metadata: metadata(NAME, 'broker'),
  spec: { groups: note('docs/grafana/alerts.yaml; docs/operating.md says of each what to do.', rules.groups) },
}

// ── the network ──────────────────────────────────────────────────

const peer = (component: string) => ({ podSelector: { matchLabels: labels(component) } })

const networkPolicy: NetworkPolicy = {
  apiVersion: 'networking.k8s.io/v1',
  kind: 'NetworkPolicy',
  metadata: metadata(NAME, 'broker'),
  spec: {
    podSelector: { matchLabels: labels('broker') },
    policyTypes: ['Ingress', 'Egress'],
    ingress: [
      {
        from: [
          note('Clients, in any namespace.', {
            namespaceSelector: {},
            podSelector: { matchLabels: { 'respite-client': 'true' } },
          }),
          peer('broker'),
          peer('leader-proxy'),
        ],
        ports: [{ port: PORT, protocol: 'TCP' }],
      },
      {
        from: [
          {
            namespaceSelector: {
              matchLabels: { 'kubernetes.io/metadata.name': value('networkPolicy.prometheusNamespace') },
            },
          },
        ],
        ports: [{ port: METRICS_PORT, protocol: 'TCP' }],
      },
    ],
    egress: [
      {
        ports: [
          { port: 53, protocol: 'UDP' },
          { port: 53, protocol: 'TCP' },
        ],
      },
      { to: [peer('broker')], ports: [{ port: PORT, protocol: 'TCP' }] },
      {
        to: [{ podSelector: { matchLabels: { 'app.kubernetes.io/name': 'nats' } } }],
        ports: [{ port: 4222, protocol: 'TCP' }],
      },
      note('The store of snapshots.', { ports: [{ port: 443, protocol: 'TCP' }] }),
    ],
  },
}

/** Object by the name of its file; when it is there. */
export const MANIFESTS: Readonly<Record<string, Tree>> = {
  'service-account': serviceAccount as Tree,
  'config-map': configMap as Tree,
  'service-brokers': headless as Tree,
  service: service as Tree,
  'stateful-set': statefulSet as Tree,
  'disruption-budget': disruptionBudget as Tree,
  'leader-config-map': when('leader.enabled', haproxy as Tree),
  'leader-deployment': when('leader.enabled', leaderProxy as Tree),
  'leader-service': when('leader.enabled', leaderService as Tree),
  'leader-disruption-budget': when('leader.enabled', leaderBudget as Tree),
  backup: when('backup.enabled', backup as Tree),
  'service-monitor': when('monitoring.enabled', serviceMonitor as Tree),
  'prometheus-rule': when('monitoring.enabled', prometheusRule as Tree),
  'network-policy': when('networkPolicy.enabled', networkPolicy as Tree),
}
