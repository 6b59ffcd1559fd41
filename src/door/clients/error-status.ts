// The HTTP status of an error reply.

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

export function statusOf(message: string): number {
  return STATUSES[/^\S*/.exec(message)?.[0] ?? ''] ?? 400
}
