// What all routes answer alike: JSON, and the status of an error reply.

export const JSON_HEADERS = {
  'Content-Type': 'application/json',
  'Cache-Control': 'no-store',
  'X-Content-Type-Options': 'nosniff',
} as const

/** The first word of an error reply → the status of its answer; 400 for all others. */
const STATUSES: Readonly<Record<string, number>> = {
  NOAUTH: 401,
  WRONGPASS: 401,
  NOPERM: 403,
  READONLY: 503,
  MOVED: 503,
  CLUSTERDOWN: 503,
  LOADING: 503,
  BUSY: 503,
  MASTERDOWN: 503,
  MISCONF: 503,
  OOM: 507,
}

/** Returns the HTTP status of an error reply. */
export function statusOf(message: string): number {
  return STATUSES[/^\S*/.exec(message)?.[0] ?? ''] ?? 400
}
