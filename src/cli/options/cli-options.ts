// The options of `respite cli`: those of redis-cli that mean something here.

import type { ProgramOption } from './program-option.ts'

/** Where a server is, and how to log in. */
export const CONNECTION_OPTIONS = [
  { names: ['-h'], value: 'HOST', help: "The server's address; default 127.0.0.1." },
  { names: ['-p'], value: 'PORT', help: "The server's port; default 6379." },
  { names: ['-s'], value: 'PATH', help: 'Its unix socket instead.' },
  {
    names: ['-a', '--pass'],
    value: 'WORD',
    help: 'The password; better in the environment: REDISCLI_AUTH.',
  },
  { names: ['--user'], value: 'NAME', help: 'The user of the password.' },
  { names: ['-n'], value: 'NUMBER', help: 'The database.' },
  {
    names: ['-u'],
    value: 'URI',
    help: 'All of these: redis://USER:PASSWORD@HOST:PORT/DATABASE; rediss:// = with TLS.',
  },
  { names: ['--tls'], help: 'Use TLS.' },
  { names: ['--cert'], value: 'FILE', help: 'Your certificate.' },
  { names: ['--key'], value: 'FILE', help: 'Its key.' },
  { names: ['--cacert'], value: 'FILE', help: 'The authorities to trust.' },
  { names: ['--sni'], value: 'NAME', help: 'The name of the server to ask for (SNI).' },
  { names: ['--insecure'], help: 'Accept any certificate.' },
] as const satisfies readonly ProgramOption[]

export const CLI_OPTIONS = [
  ...CONNECTION_OPTIONS,
  { names: ['-2'], help: 'RESP2, the default.' },
  { names: ['-3'], help: 'RESP3.' },
  { names: ['-c'], help: 'Follow MOVED and ASK to the node of a cluster that has the key.' },
  { names: ['-e'], help: 'Exit code 1 when a reply is an error.' },
  { names: ['-r'], value: 'COUNT', help: 'Send the command COUNT times; -1 = until you end it.' },
  {
    names: ['-i'],
    value: 'SECONDS',
    help: 'Wait so long between two of these, or two rows of --stat; for --latency and --bigkeys see docs/operating.md.',
  },
  { names: ['-x'], help: 'Add a last argument: standard input to its end.' },
  { names: ['-X'], value: 'TAG', help: 'Put standard input in the place of the argument TAG.' },
  { names: ['--quoted-input'], help: 'Read arguments in quotes as a line of the prompt would have them.' },
  { names: ['--raw'], help: 'Print replies raw, as in a pipe.' },
  { names: ['--no-raw'], help: 'Print replies formatted, as on a terminal.' },
  { names: ['--csv'], help: 'Print replies as CSV.' },
  { names: ['--json'], help: 'Print replies as JSON.' },
  { names: ['-d'], value: 'TEXT', help: 'What stands between the elements of a raw reply; default: a line end.' },
  { names: ['-D'], value: 'TEXT', help: 'What stands behind each raw reply; default: a line end.' },
  { names: ['--no-auth-warning'], help: 'Accepted; there is no warning.' },
  { names: ['--show-pushes'], value: 'YES|NO', help: 'Print push messages of RESP3; default yes.' },
  { names: ['--eval'], value: 'FILE', help: 'Run a script: KEY … , ARGUMENT … follow.' },
  { names: ['--scan'], help: 'Print all keys.' },
  { names: ['--bigkeys'], help: 'Find the key of each type with the most elements.' },
  { names: ['--memkeys'], help: 'Find the key of each type that takes the most memory.' },
  {
    names: ['--memkeys-samples'],
    value: 'COUNT',
    help: 'The same, and look at COUNT elements of each key; 0 = at all.',
  },
  { names: ['--hotkeys'], help: 'Find the keys that are used most; needs a maxmemory-policy with lfu.' },
  { names: ['--pattern'], value: 'PATTERN', help: 'Look only at keys that match.' },
  { names: ['--count'], value: 'COUNT', help: 'Keys that one SCAN asks for; default 10.' },
  { names: ['--stat'], help: 'Print a row of figures each second.' },
  { names: ['--latency'], help: 'Time PING: on a terminal until you end it, elsewhere for a second.' },
  { names: ['--latency-history'], help: 'The same, with a line each 15 seconds.' },
  { names: ['--pipe'], help: 'Send standard input as it is: requests in the protocol of Redis.' },
  {
    names: ['--pipe-timeout'],
    value: 'SECONDS',
    help: 'Give up when no reply comes for so long; default 30, 0 = never.',
  },
  { names: ['--rdb'], value: 'FILE', help: 'Fetch a snapshot from the server; - = to standard output.' },
  { names: ['--version'], help: 'Print the version.' },
  { names: ['--help'], help: 'Print this text.' },
] as const satisfies readonly ProgramOption[]

/** Options of redis-cli that are not here, and what there is instead. */
export const ELSEWHERE: Readonly<Record<string, string>> = {
  '--askpass': 'the environment variable REDISCLI_AUTH keeps a password from others',
  '--cluster': "'respite cluster' prepares and changes clusters, and redis-cli works with this server",
  '--functions-rdb': "'FUNCTION DUMP' returns the functions",
  '--intrinsic-latency': "'respite --check-system' looks at the machine",
  '--latency-dist': "there are '--latency-history' and 'LATENCY HISTOGRAM'",
  '--ldb': 'there is no debugger for scripts',
  '--ldb-sync-mode': 'there is no debugger for scripts',
  '--lru-test': "'npm run bench -- eviction' measures it",
  '--replica': "'MONITOR' shows commands, and 'respite --replicaof' follows a server",
  '--slave': "'MONITOR' shows commands, and 'respite --replicaof' follows a server",
}
