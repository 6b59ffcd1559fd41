// The reason why a start is refused: the file, the offset in it, and what to do.

import { getSystemErrorMap } from 'node:util'

/** The data on disk is damaged or out of reach; starting anyhow would lose something. */
export class PersistenceError extends Error {
  readonly file: string
  /** Bytes from the file's beginning; undefined when the whole file is meant. */
  readonly offset: number | undefined
  /** A sentence for the operator. */
  readonly advice: string

  constructor(file: string, offset: number | undefined, problem: string, advice: string, cause?: unknown) {
    const place = offset === undefined ? file : `${file} at offset ${offset}`
    super(`${place}: ${problem}. ${advice}`, cause === undefined ? undefined : { cause })
    this.name = 'PersistenceError'
    this.file = file
    this.offset = offset
    this.advice = advice
  }
}

/** The words of strerror(3), because Redis's MISCONF quotes them. */
const SYSTEM_ERRORS: Record<string, string> = {
  ENOSPC: 'No space left on device',
  EIO: 'Input/output error',
  EDQUOT: 'Disk quota exceeded',
  EFBIG: 'File too large',
  EROFS: 'Read-only file system',
  EACCES: 'Permission denied',
  ENOENT: 'No such file or directory',
  EBADF: 'Bad file descriptor',
  ENOTDIR: 'Not a directory',
  ENAMETOOLONG: 'File name too long',
  EPERM: 'Operation not permitted',
}

/** Prints a duration for the log as Redis does: in seconds, to the millisecond. */
export function seconds(milliseconds: number): string {
  return (milliseconds / 1000).toFixed(3)
}

/** Returns an error of the disk in the system's own words. */
export function describeDiskError(error: unknown): string {
  const { code, errno, message } = error as NodeJS.ErrnoException
  const known = SYSTEM_ERRORS[code ?? '']
  if (known !== undefined) return known
  return (errno === undefined ? undefined : getSystemErrorMap().get(errno)?.[1]) ?? message
}
