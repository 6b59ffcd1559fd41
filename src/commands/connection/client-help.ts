import { defineCommand } from '../../engine/command.ts'
import { replyHelp } from '../help.ts'

export const clientHelp = defineCommand({
  name: 'CLIENT HELP',
  summary: 'Explains the subcommands of CLIENT.',
  group: 'connection',
  since: '5.0.0',
  complexity: 'O(1)',
  arity: 2,
  flags: ['loading', 'stale'],
  acl: ['connection'],
  reply: 'array: lines of text',
  run(call) {
    replyHelp(call, 'CLIENT', [
      ['CACHING (YES|NO)', 'Cache what the next command reads, or not.'],
      ['GETREDIR', 'Where invalidations of what this connection caches go.'],
      ['GETNAME', 'Name of this connection.'],
      ['ID', 'Number of this connection.'],
      ['INFO', 'A line about this connection.'],
      ['KILL <ip:port>', 'End the connection from an address.'],
      [
        'KILL <option> <value> [<option> <value> ...]',
        'End every connection for which all of these hold:',
        'ADDR <ip:port>, LADDR <ip:port>: its address, or the one it came to.',
        'ID <id>, USER <name>, TYPE (NORMAL|MASTER|REPLICA|PUBSUB): who it is.',
        'SKIPME (YES|NO): spare this connection (default: yes).',
      ],
      ['LIST [TYPE <type> | ID <id> [<id> ...]]', 'A line about each connection, or about some.'],
      ['NO-EVICT (ON|OFF)', 'Protect this connection when clients use too much memory.'],
      ['NO-TOUCH (ON|OFF)', 'Do not count what this connection looks at as used.'],
      ['PAUSE <milliseconds> [WRITE|ALL]', 'Let all commands wait, or only those that may write.'],
      ['REPLY (ON|OFF|SKIP)', 'Reply to this connection, or not, or not to its next command.'],
      ['SETINFO (LIB-NAME|LIB-VER) <value>', 'Say which library this connection belongs to.'],
      ['SETNAME <name>', 'Name this connection.'],
      [
        'TRACKING (ON|OFF) [REDIRECT <id>] [BCAST] [PREFIX <prefix> [PREFIX <prefix> ...]] [OPTIN] [OPTOUT] [NOLOOP]',
        'Say when what this connection has read, or what begins with a prefix, changes.',
      ],
      ['TRACKINGINFO', 'How this connection caches.'],
      ['UNBLOCK <id> [TIMEOUT|ERROR]', 'Let a waiting client go on, as timed out or with an error.'],
      ['UNPAUSE', 'End a pause.'],
    ])
  },
})
