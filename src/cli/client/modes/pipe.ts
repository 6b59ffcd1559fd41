// `--pipe`: sends standard input as it is, and counts the replies. Behind it goes an ECHO: when its
// reply comes, those of all requests have come.

import { randomBytes } from 'node:crypto'
import { encodeRequest } from '../../../protocol/request-writer.ts'
import type { Reply } from '../reply.ts'
import { type Task, TaskFailed } from '../task.ts'

const ECHO_BYTES = 20

class Tally {
  errors = 0
  replies = 0
  /** Resolves with the reply of ECHO. */
  readonly isLast: Promise<'done'>
  #end: () => void = () => {}
  readonly #echo: string
  readonly #complain: (line: string) => void

  constructor(echo: string, complain: (line: string) => void) {
    this.#echo = echo
    this.#complain = complain
    this.isLast = new Promise((resolve) => {
      this.#end = () => resolve('done')
    })
  }

  count({ bytes, type }: Reply): void {
    const text = bytes.toString('latin1')
    if (type === '$' && text === this.#echo) this.#end()
    else this.replies++
    if (type !== '-' && type !== '!') return
    this.errors++
    this.#complain(text)
  }
}

/** Returns whether no reply was an error. */
export async function pipeInput({ connection, options, streams }: Task): Promise<boolean> {
  const echo = randomBytes(ECHO_BYTES).toString('latin1')
  const tally = new Tally(echo, (line) => streams.complain(line))
  connection.onMessage = (reply) => tally.count(reply)
  for await (const chunk of streams.input) await connection.write(Buffer.from(chunk))
  // The line end closes an inline request without one; without such a request it means nothing.
  await connection.write(Buffer.concat([Buffer.from('\r\n'), encodeRequest(['ECHO', echo])]))
  streams.print('All data transferred. Waiting for the last reply...\n')
  const ended = connection.closed.then(() => 'closed' as const)
  while (true) {
    const { replies } = tally
    const waits = options.pipeTimeoutMs > 0 ? [streams.rest(options.pipeTimeoutMs)] : []
    const outcome = await Promise.race([tally.isLast, ended, ...waits])
    if (outcome === 'done') break
    if (outcome === 'closed') throw new TaskFailed('Server closed the connection')
    if (tally.replies > replies) continue
    streams.complain(`No replies for ${options.pipeTimeoutMs / 1000} seconds: exiting.`)
    streams.print(`errors: ${tally.errors}, replies: ${tally.replies}\n`)
    return false
  }
  streams.print('Last reply received from server.\n')
  streams.print(`errors: ${tally.errors}, replies: ${tally.replies}\n`)
  return tally.errors === 0
}
