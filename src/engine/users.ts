// The users: today there is one, `default`, whose password is `requirepass`; without a password everybody is let in.

import { createHash, timingSafeEqual } from 'node:crypto'
import { CLIENT_UNAUTHENTICATED, type Client } from './client.ts'
import type { Config } from './config.ts'

const DEFAULT_USER = 'default'

export class Users {
  readonly #config: Config

  constructor(config: Config) {
    this.#config = config
  }

  /** True when no password is asked for. */
  get isOpen(): boolean {
    return this.#config.get('requirepass') === ''
  }

  /** Makes a client what it is before it has said who it is. */
  greet(client: Client): void {
    client.user = DEFAULT_USER
    if (!this.isOpen) client.state |= CLIENT_UNAUTHENTICATED
  }

  /** Lets a client in that need not say who it is: it comes from within the process, and has the memory anyway. */
  admit(client: Client): void {
    client.state &= ~CLIENT_UNAUTHENTICATED
  }

  /** Makes the client that user if the password is right. */
  authenticate(client: Client, user: string, password: string): boolean {
    const expected = this.#config.get('requirepass')
    if (user !== DEFAULT_USER || (expected !== '' && !sameText(password, expected))) return false
    client.user = user
    this.admit(client)
    return true
  }
}

/** Compares in a time that says nothing about where the texts differ. */
function sameText(a: string, b: string): boolean {
  return timingSafeEqual(digest(a), digest(b))
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text, 'latin1').digest()
}
