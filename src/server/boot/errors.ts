// Why a server does not start. A program catches them; the message is one line for a person.

/** The address cannot be listened on. */
export class ListenError extends Error {
  override name = 'ListenError'
  /** The system's word for it, EADDRINUSE for one. */
  readonly code: string | undefined

  constructor(message: string, code?: string) {
    super(message)
    this.code = code
  }
}

/** The file that events were to be logged to cannot be opened. */
export class LogFileError extends Error {
  override name = 'LogFileError'
}

/** Certificates that cannot be used. */
export class TlsError extends Error {
  override name = 'TlsError'
}

/** Users that cannot be taken. */
export class UsersError extends Error {
  override name = 'UsersError'
}
