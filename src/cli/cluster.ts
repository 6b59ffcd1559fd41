// `respite cluster`: tasks of an operator of several brokers; docs/cluster.md tells when to use
// them.
//
// Exit codes: 0 done, or healthy; 1 not; 2 invalid command line.

import { processTerminal, type Terminal } from '../prover/terminal.ts'
import { nearestName } from '../util/bytes/nearest-name.ts'
import { backup } from './cluster/backup.ts'
import { BrokerError } from './cluster/broker-connection.ts'
import { CommandLine } from './cluster/command-line.ts'
import { addShard, create } from './cluster/create.ts'
import { handover } from './cluster/handover.ts'
import { moveSlots } from './cluster/move-slots.ts'
import { remove } from './cluster/remove.ts'
import { restore } from './cluster/restore.ts'
import { status } from './cluster/status.ts'
import { CLUSTER_COMMANDS, type ClusterCommand, CREDENTIAL_OPTIONS } from './options/cluster-options.ts'
import { helpOf } from './options/program-option.ts'
import { UsageError } from './usage-error.ts'

const HELP = `Usage: respite cluster COMMAND [--option value …]

Prepares several brokers on one log, shows their state, and changes them (docs/cluster.md).

${CLUSTER_COMMANDS.map(helpOfCommand).join('\n\n')}

Authentication:
${helpOf(CREDENTIAL_OPTIONS)}
`

const COMMANDS: Readonly<Record<string, (words: CommandLine, terminal: Terminal) => Promise<number>>> = {
  create,
  status,
  'add-shard': addShard,
  'move-slots': moveSlots,
  handover,
  backup,
  restore,
  remove,
}

function helpOfCommand({ help, name, options }: ClusterCommand): string {
  return `${name}\n  ${help}\n${helpOf(options)}`
}

/** Runs a command and returns the exit code. */
export async function runCluster(args: readonly string[], terminal: Terminal = processTerminal): Promise<number> {
  const [name = '', ...rest] = args
  const command = COMMANDS[name]
  if (command === undefined || rest.includes('--help')) {
    if (command === undefined && name !== '' && !args.includes('--help')) {
      const meant = nearestName(name, Object.keys(COMMANDS))
      const hint = meant === undefined ? '' : `: did you mean '${meant}'?`
      terminal.print(`respite cluster: there is no command '${name}'${hint}\n`)
    }
    terminal.print(HELP.trimEnd())
    return args.includes('--help') ? 0 : 2
  }
  try {
    return await command(new CommandLine(rest), terminal)
  } catch (error) {
    if (!(error instanceof UsageError || error instanceof BrokerError)) throw error
    terminal.print(`respite cluster ${name}: ${error.message}`)
    return error instanceof UsageError ? 2 : 1
  }
}
