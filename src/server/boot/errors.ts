// The reasons why a server does not start. Programs catch these errors; each message is one line
// for a person.

/** The address cannot be listened on. */
export class ListenError extends Error {
  override name = 'ListenError'
  /** The system's error code, such as EADDRINUSE. */
  readonly code: string | undefined

  constructor(message: string, code?: string) {
    super(message)
    this.code = code
  }
}

/** The log file cannot be opened. */
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
