// `respite cluster`: tasks of an operator of several brokers; docs/cluster.md tells when to use
// them.
//
// Exit codes: 0 done, or healthy; 1 not; 2 invalid command line.

import { processTerminal, type Terminal } from '../prover/terminal.ts'
import { BrokerError } from './cluster/broker-connection.ts'
import { CommandLine } from './cluster/command-line.ts'
import { addShard, create } from './cluster/create.ts'
import { moveSlots } from './cluster/move-slots.ts'
import { remove } from './cluster/remove.ts'
import { status } from './cluster/status.ts'
import { UsageError } from './usage-error.ts'

const HELP = `Usage: respite cluster COMMAND [--option value …]

Prepares several brokers on one log, shows their state, and changes them (docs/cluster.md).

  create --name NAME --log ADDRESS --nodes HOST:PORT,…
         Checks that the settings of the log's servers cannot lose data, creates the log if there is
         none, and prints a configuration file for each broker.
           --log        nats://user:password@host:4222,… or etcd://host:2379,…; the log has the name NAME unless
                        the address names it
           --snapshots  file:///shared/directory or s3://bucket/prefix?endpoint=https://host
           --dir        the brokers' data directory; default /var/lib/respite
           --into DIR   writes the files there instead
           --slots yes  it is the first of several shards
  status --nodes HOST:PORT,…
         Prints the state of each broker. Exit code 1 when something is wrong.
  add-shard --first-log ADDRESS --name NAME --log ADDRESS --nodes HOST:PORT,…
         As create, for one more shard of a cluster whose first shard has that log.
  move-slots --node HOST:PORT --from SHARD --to SHARD --slots 0-100,200 | --count N
         Moves slots with their keys, and shows the progress. --node is any broker of the cluster.
  remove --node HOST:PORT --others HOST:PORT,… [--shard yes]
         Lets a broker hand over, if it leads, and shuts it down. With --shard yes: all brokers of its shard, which must own no slots.

Authentication: -a PASSWORD (or REDISCLI_AUTH), --user NAME, --tls yes, --cacert, --cert, --key, --sni, --insecure yes.
`

const COMMANDS: Readonly<Record<string, (words: CommandLine, terminal: Terminal) => Promise<number>>> = {
  create,
  status,
  'add-shard': addShard,
  'move-slots': moveSlots,
  remove,
}

/** Runs a command and returns the exit code. */
export async function runCluster(args: readonly string[], terminal: Terminal = processTerminal): Promise<number> {
  const [name = '', ...rest] = args
  const command = COMMANDS[name]
  if (command === undefined || rest.includes('--help')) {
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
