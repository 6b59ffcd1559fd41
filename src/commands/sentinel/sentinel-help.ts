import { defineCommand } from '../define-command.ts'
import { replyHelp } from '../help.ts'
import { isOffered } from './shard-arguments.ts'

export const sentinelHelp = defineCommand({
  name: 'SENTINEL HELP',
  summary: 'Explains the subcommands of SENTINEL.',
  group: 'sentinel',
  since: '6.2.0',
  complexity: 'O(1)',
  arity: 2,
  flags: ['loading', 'stale'],
  reply: 'array: lines of text',
  isOffered,
  run(call) {
    replyHelp(call, 'SENTINEL', [
      ['CKQUORUM <master-name>', 'Tell whether the master is up.'],
      ['GET-MASTER-ADDR-BY-NAME <master-name>', 'Return the ip and port number of the master with that name.'],
      ['INFO-CACHE <master-name>', 'Return INFO output of the node that is asked.'],
      [
        'IS-MASTER-DOWN-BY-ADDR <ip> <port> <current-epoch> <runid>',
        "Check if the master specified by ip:port is down from this node's point of view.",
      ],
      ['MASTER <master-name>', 'Show the state and info of the specified master.'],
      ['MASTERS', 'Show the master and its state.'],
      ['MYID', 'Return the ID of this node as one that answers.'],
      ['REPLICAS <master-name>', 'Show a list of replicas for this master and their state.'],
      ['SENTINELS <master-name>', 'Show a list of the other nodes that answer, and their state.'],
    ])
  },
})
