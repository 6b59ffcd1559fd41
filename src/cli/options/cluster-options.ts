// The commands of `respite cluster`, and their options.

import type { ProgramOption } from './program-option.ts'

export interface ClusterCommand {
  readonly name: string
  readonly help: string
  readonly options: readonly ProgramOption[]
}

const NAME = { names: ['--name'], value: 'NAME', help: 'The name of the shard.' }
const LOG = {
  names: ['--log'],
  value: 'ADDRESS',
  help:
    'nats://user:password@host:4222,… or etcd://host:2379,…; the log has the name of the shard unless the address ' +
    'names it. Options follow it: ?bytes=20gb&replicas=5 (docs/cluster.md).',
}
const NODES = { names: ['--nodes'], value: 'HOST:PORT,…', help: 'The addresses of the brokers.' }
const SNAPSHOTS = {
  names: ['--snapshots'],
  value: 'ADDRESS',
  help: 'file:///shared/directory or s3://bucket/prefix?endpoint=https://host.',
}
const BACKUPS = { names: ['--backups'], value: 'ADDRESS', help: 'The store of backups, with such an address.' }
const DIR = {
  names: ['--dir'],
  value: 'DIR',
  help:
    "The brokers' data directory; default /var/lib/respite. Brokers on one host get directories below it. For restore a " +
    'new directory, with room for the backup.',
}
const INTO = { names: ['--into'], value: 'DIR', help: 'Writes the configuration files there instead of printing them.' }
const NODE = { names: ['--node'], value: 'HOST:PORT', help: 'The address of the broker; of any for move-slots.' }
const TO = {
  names: ['--to'],
  value: 'SHARD|HOST:PORT',
  help: 'The shard that takes the slots; for handover the next leader, which the broker chooses otherwise.',
}

export const CLUSTER_COMMANDS: readonly ClusterCommand[] = [
  {
    name: 'create',
    help:
      "Checks that the settings of the log's servers cannot lose data, creates the log if there is none, and prints a " +
      'configuration file for each broker.',
    options: [
      NAME,
      LOG,
      NODES,
      SNAPSHOTS,
      DIR,
      INTO,
      { names: ['--slots'], value: 'yes', help: 'It is the first of several shards.' },
    ],
  },
  {
    name: 'status',
    help: 'Prints the state of each broker, and the slots of its shard. Exit code 1 when something is wrong.',
    options: [NODES],
  },
  {
    name: 'add-shard',
    help: 'As create, for one more shard of a cluster whose first shard has the other log.',
    options: [
      { names: ['--first-log'], value: 'ADDRESS', help: 'The log of the first shard.' },
      NAME,
      LOG,
      NODES,
      SNAPSHOTS,
      DIR,
      INTO,
    ],
  },
  {
    name: 'move-slots',
    help: 'Moves slots with their keys, and shows the progress.',
    options: [
      NODE,
      { names: ['--from'], value: 'SHARD', help: 'The shard that gives.' },
      TO,
      { names: ['--slots'], value: '0-100,200', help: 'The slots.' },
      { names: ['--count'], value: 'N', help: 'Or the last N slots of the shard that gives.' },
    ],
  },
  {
    name: 'handover',
    help: 'Lets a broker that leads hand the lead to another one, and waits for it. Any other broker stays as it is.',
    options: [NODE, TO],
  },
  {
    name: 'backup',
    help: 'Copies the newest snapshot to another store, reads it back, and checks it.',
    options: [
      SNAPSHOTS,
      BACKUPS,
      { names: ['--keep'], value: 'N', help: 'Removes all but the newest N from the store of backups.' },
    ],
  },
  {
    name: 'restore',
    help: 'Copies the data of a backup into an empty cluster.',
    options: [
      BACKUPS,
      NODE,
      {
        names: ['--position'],
        value: 'N',
        help: 'The position of the backup, which its name has; by default the newest.',
      },
      DIR,
    ],
  },
  {
    name: 'remove',
    help: 'Lets a broker hand over, if it leads, and shuts it down.',
    options: [
      NODE,
      { names: ['--others'], value: 'HOST:PORT,…', help: 'The brokers that stay.' },
      {
        names: ['--shard'],
        value: 'yes',
        help: 'All brokers of its shard go; it must own no slots.',
      },
    ],
  },
]

/** How every command but create and add-shard logs in to the brokers. */
export const CREDENTIAL_OPTIONS: readonly ProgramOption[] = [
  { names: ['-a'], value: 'PASSWORD', help: 'The password; better in the environment: REDISCLI_AUTH.' },
  { names: ['--user'], value: 'NAME', help: 'The user of the password.' },
  { names: ['--tls'], value: 'yes', help: 'Use TLS.' },
  { names: ['--cacert'], value: 'FILE', help: 'The authorities to trust.' },
  { names: ['--cert'], value: 'FILE', help: 'Your certificate.' },
  { names: ['--key'], value: 'FILE', help: 'Its key.' },
  { names: ['--sni'], value: 'NAME', help: 'The name of the server to ask for (SNI).' },
  { names: ['--insecure'], value: 'yes', help: 'Accept any certificate.' },
]

/** Every option of any command. */
export const CLUSTER_OPTIONS: readonly ProgramOption[] = [
  ...CLUSTER_COMMANDS.flatMap(({ options }) => options),
  ...CREDENTIAL_OPTIONS,
]
