// `respite cluster`: what an operator of several brokers does now and then. docs/cluster.md tells when.
//
// Exit codes: 0 it is done, all is well; 1 it is not; 2 the command line makes no sense.

import { processTerminal, type Terminal } from '../prover/terminal.ts'
import { addShard, create } from './cluster/create.ts'
import { moveSlots } from './cluster/move-slots.ts'
import { NodeError } from './cluster/node.ts'
import { remove } from './cluster/remove.ts'
import { status } from './cluster/status.ts'
import { UsageError, Words } from './cluster/words.ts'

const HELP = `Usage: respite cluster COMMAND [--option value …]

Prepares several brokers on one log, shows how they are, and changes them (docs/cluster.md).

  create --name NAME --log ADDRESS --nodes HOST:PORT,…
         Looks whether the servers of the log are set up so that nothing is lost, makes the log where there is
         none, and prints a configuration file for each broker.
           --log        nats://user:password@host:4222,… or etcd://host:2379,…; the log is called NAME unless
                        the address names it
           --snapshots  file:///shared/directory or s3://bucket/prefix?endpoint=https://host
           --dir        where brokers keep their files; default /var/lib/respite
           --into DIR   writes the files there instead
           --slots yes  it is the first of several shards
  status --nodes HOST:PORT,…
         Prints what each broker says of itself. Exit code 1 when something is wrong.
  add-shard --first-log ADDRESS --name NAME --log ADDRESS --nodes HOST:PORT,…
         As create, for one more shard of a cluster whose first shard has that log.
  move-slots --node HOST:PORT --from SHARD --to SHARD --slots 0-100,200 | --count N
         Moves slots with all that is in them, and shows how far it is. --node is any broker of the cluster.
  remove --node HOST:PORT --others HOST:PORT,… [--shard yes]
         Has a broker hand over, if it leads, and end. With --shard yes: all brokers of its shard, which owns no slot.

To get in: -a PASSWORD (or REDISCLI_AUTH), --user NAME, --tls yes, --cacert, --cert, --key, --sni, --insecure yes.
`

const COMMANDS: Readonly<Record<string, (words: Words, terminal: Terminal) => Promise<number>>> = {
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
    return await command(new Words(rest), terminal)
  } catch (error) {
    if (!(error instanceof UsageError || error instanceof NodeError)) throw error
    terminal.print(`respite cluster ${name}: ${error.message}`)
    return error instanceof UsageError ? 2 : 1
  }
}
