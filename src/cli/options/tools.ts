// The tools of `respite`, each with its options: for the man page and the completion of shells.

import { UsageError } from '../usage-error.ts'
import { CLI_OPTIONS, CONNECTION_OPTIONS } from './cli-options.ts'
import { CLUSTER_COMMANDS, CREDENTIAL_OPTIONS } from './cluster-options.ts'
import { optionNamed, type ProgramOption, unknownOption } from './program-option.ts'

export interface Tool {
  readonly name: string
  /** What follows its name on a command line. */
  readonly synopsis: string
  readonly help: string
  /** Words that may follow the name. */
  readonly commands: readonly { readonly name: string; readonly help: string }[]
  readonly options: readonly ProgramOption[]
}

const HELP_OPTION: ProgramOption = { names: ['--help'], help: 'Print how the tool is used.' }
const YES_OPTION: ProgramOption = { names: ['--yes'], help: 'Do not ask before anything is changed.' }

export const TOOLS: readonly Tool[] = [
  {
    name: 'cli',
    synopsis: '[option …] [command [argument …]]',
    help: 'Sends commands to a server, as redis-cli does.',
    commands: [],
    options: CLI_OPTIONS,
  },
  {
    name: 'cluster',
    synopsis: 'command [--option value …]',
    help: 'Prepares several brokers on one log, shows their state, and changes them.',
    commands: CLUSTER_COMMANDS,
    options: [...distinct(CLUSTER_COMMANDS.flatMap(({ options }) => options)), ...CREDENTIAL_OPTIONS, HELP_OPTION],
  },
  {
    name: 'console',
    synopsis: '--connect address [option …]',
    help: 'Serves the console of any Redis, Valkey or Respite on a port of this machine.',
    commands: [],
    options: [
      {
        names: ['--connect'],
        value: 'ADDRESS',
        help: 'The server: redis://user:password@host:port/database, rediss:// with TLS, unix:///path.',
      },
      { names: ['--console-port'], value: 'PORT', help: 'The port of the console; a free one unless said.' },
      { names: ['--cacert'], value: 'FILE', help: 'TLS: the certificate of the authority to trust.' },
      { names: ['--cert'], value: 'FILE', help: 'TLS: the certificate of this client.' },
      { names: ['--key'], value: 'FILE', help: 'TLS: the key of that certificate.' },
      { names: ['--sni'], value: 'NAME', help: "TLS: the name in the server's certificate; the host unless said." },
      { names: ['--insecure'], help: 'TLS: accepts any certificate.' },
      HELP_OPTION,
    ],
  },
  {
    name: 'check-aof',
    synopsis: '[option …] file',
    help: 'Tells whether an append-only file is whole, and cuts it.',
    commands: [],
    options: [
      { names: ['--fix'], help: 'Cut a damaged last file off behind its last whole command or transaction.' },
      { names: ['--truncate-to-timestamp'], value: 'SECONDS', help: 'Cut off everything after this Unix time.' },
      { names: ['--rebuild-manifest'], help: 'Make a lost manifest again from the names of the files.' },
      YES_OPTION,
    ],
  },
  {
    name: 'check-rdb',
    synopsis: 'file',
    help: 'Tells whether a snapshot is whole, and what it holds.',
    commands: [],
    options: [{ names: ['--fix'], help: 'Accepted, but changes nothing: restore a backup.' }],
  },
  {
    name: 'audit',
    synopsis: '--dir directory [option …]',
    help: 'Tells whether data has changed without a command.',
    commands: [],
    options: [
      { names: ['--dir'], value: 'DIRECTORY', help: "The server's dir." },
      { names: ['--parts'], value: 'N', help: 'Compare the keys in N parts.' },
      { names: ['--appenddirname'], value: 'NAME', help: "The server's setting." },
      { names: ['--appendfilename'], value: 'NAME', help: "The server's setting." },
      { names: ['--dbfilename'], value: 'NAME', help: "The server's setting." },
      { names: ['--databases'], value: 'N', help: "The server's setting." },
      ...CONNECTION_OPTIONS,
      HELP_OPTION,
    ],
  },
  {
    name: 'prove-durability',
    synopsis: '--dir directory [option …]',
    help: 'Kills the server again and again, and checks what is left.',
    commands: [],
    options: [
      { names: ['--dir'], value: 'DIR', help: 'A directory on the disk to test.' },
      { names: ['--seconds'], value: 'N', help: 'How long; default 10.' },
      { names: ['--policy'], value: 'P', help: 'always, everysec, none or all.' },
      { names: ['--seed'], value: 'N', help: 'Repeats an earlier run.' },
      { names: ['--cluster'], help: 'Tests brokers on a log.' },
      { names: ['--log-system'], value: 'S', help: 'nats or etcd.' },
      { names: ['--shards'], value: 'N', help: '1, or 2 that share the keys, whose slots move meanwhile.' },
      { names: ['--rounds'], value: 'N', help: 'The most rounds of four strikes each.' },
      { names: ['--history'], value: 'FILE', help: 'Write the history of all operations, for other judges.' },
      { names: ['--verbose'], value: 'yes', help: 'Prints each strike.' },
      HELP_OPTION,
    ],
  },
  {
    name: 'health',
    synopsis: '[port]',
    help: 'Exit code 0 when a server of this machine answers, with or without TLS.',
    commands: [],
    options: [HELP_OPTION],
  },
]

/** Options of the server that are no settings. */
export const SERVER_OPTIONS: readonly ProgramOption[] = [
  { names: ['-p'], value: 'PORT', help: 'As --port PORT.' },
  { names: ['--help', '-h'], help: 'Print how the program is used.' },
  { names: ['--version', '-v'], help: 'Print the version.' },
  { names: ['--check-system'], help: 'Check for settings of this machine that slow or limit the server.' },
]

/** Makes the error for a word that a tool takes for no option. */
export function wrongOption(tool: string, word: string): UsageError {
  const options = TOOLS.find(({ name }) => name === tool)?.options ?? []
  if (optionNamed(options, word) !== undefined) return new UsageError(`option '${word}' lacks its value`)
  if (!word.startsWith('-')) return new UsageError(`'${word}' is no option`)
  return unknownOption(options, word)
}

/** Several commands share options: each is named once. */
function distinct(options: readonly ProgramOption[]): ProgramOption[] {
  const seen: ProgramOption[] = []
  for (const option of options) if (optionNamed(seen, option.names[0] ?? '') === undefined) seen.push(option)
  return seen
}
