// The identity of a client: its user, and the names that it has given itself and its library.

import type { User } from '../../acl/user.ts'

export class ClientIdentity {
  user: User
  name = ''
  libraryName = ''
  libraryVersion = ''

  constructor(user: User) {
    this.user = user
  }
}
