// `respite cli`: a small redis-cli, for machines that have none.
//
//   a command on the command line   one reply, and the end
//   a terminal                      a prompt
//   any other standard input        one command for each line
//
// Exit codes are redis-cli's: 0 even for an error reply (1 with -e), 1 when the server cannot be
// reached.

import { createInterface } from 'node:readline'
import { splitInline } from '../protocol/inline-words.ts'
import { converse } from './client/interactive.ts'
import { readOptions } from './client/options.ts'
import { Session } from './client/session.ts'

const HELP = `Usage: respite cli [option …] [command [argument …]]

Sends a command to a server and prints the reply. Without a command it reads commands: from a
terminal, with history and completion (Tab; twice for a command's arguments), or one in each line.

  -h HOST, -p PORT    the server's address; default 127.0.0.1:6379
  -s PATH             its unix socket instead
  -a, --pass WORD     the password; better in the environment: REDISCLI_AUTH
  --user NAME         the user of the password
  -n NUMBER           the database
  -u URI              all of these: redis://USER:PASSWORD@HOST:PORT/DATABASE; rediss:// = with TLS
  --tls               use TLS; --cert FILE, --key FILE: your certificate; --cacert FILE: trusted authorities;
                      --sni NAME: server name (SNI); --insecure: accept any certificate
  -3                  RESP3
  --raw, --no-raw     print replies raw, as in a pipe; or formatted, as on a terminal
  --json              print replies as JSON
  -e                  exit code 1 when a reply is an error
`

/** Input and output of the client. */
export interface CliStreams {
  readonly input: NodeJS.ReadableStream
  /** Whether the input is a terminal. */
  readonly inputIsTerminal: boolean
  readonly outputIsTerminal: boolean
  print(latin1: string): void
  complain(line: string): void
}

function processStreams(): CliStreams {
  return {
    input: process.stdin,
    inputIsTerminal: process.stdin.isTTY === true,
    outputIsTerminal: process.stdout.isTTY === true,
    print: (latin1) => void process.stdout.write(latin1, 'latin1'),
    complain: (line) => void process.stderr.write(`${line}\n`),
  }
}

/** Runs the client and returns the exit code. */
export async function runCli(args: readonly string[], streams: CliStreams = processStreams()): Promise<number> {
  const options = readOptions(args, process.env)
  if (options === undefined) {
    streams.complain(HELP.trimEnd())
    return args.includes('--help') ? 0 : 1
  }
  const format = options.format ?? (streams.outputIsTerminal ? 'people' : 'raw')
  const session = new Session(options, format, streams.print)
  try {
    if (options.words.length > 0) return (await session.run(options.words)) || !options.errorExits ? 0 : 1
    let allWell = true
    /** Runs a line; returns false when no more lines should be read. */
    const take = async (line: string): Promise<boolean> => {
      const words = splitInline(Buffer.from(line, 'utf8').toString('latin1'))
      if (words === undefined) streams.complain('Invalid argument(s)')
      else if (/^(quit|exit)$/i.test(words[0] ?? '')) return false
      else if (words.length > 0 && !(await session.run(words))) allWell = false
      return allWell || !options.errorExits
    }
    await session.connect()
    if (streams.inputIsTerminal) {
      // A lost connection does not end the session: the next command connects again.
      await converse(options, session, (line) =>
        take(line).catch((error: unknown) => {
          streams.complain((error as Error).message)
          return true
        }),
      )
    } else {
      for await (const line of createInterface({ input: streams.input })) if (!(await take(line))) break
    }
    return allWell || !options.errorExits ? 0 : 1
  } catch (error) {
    streams.complain((error as Error).message)
    return 1
  } finally {
    session.close()
  }
}
