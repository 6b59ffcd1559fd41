// A refusal of an HTTP request: its status, and a sentence for the developer at the other end.
//
// The body is `{"error":"…"}` for every route, because Upstash's clients read it so.

export class HttpError extends Error {
  override name = 'HttpError'
  readonly status: number
  readonly headers: Readonly<Record<string, string>>

  constructor(status: number, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message)
    this.status = status
    this.headers = headers
  }
}

/** Returns the body of a refusal. */
export function errorBody(message: string): string {
  return `{"error":${JSON.stringify(message)}}`
}
