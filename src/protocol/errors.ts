// The user's mistakes: every error reply that a client can receive, worded as Redis words it.
//
// Clients match on these texts, so the differential test compares them with redis-server's byte for
// byte. Errors without variable parts are allocated once. Helpers throw them, and only the dispatch
// of commands catches them.

/**
 * An error reply: a code word, a space and a sentence. It is no Error: no stack is captured, so a
 * throw is cheap.
 */
export class ReplyError {
  /** The whole line as it stands on the wire, without the leading '-' and the final CRLF. */
  readonly text: string

  constructor(text: string) {
    this.text = text
  }

  /** The code word: `ERR`, `WRONGTYPE`, … */
  get code(): string {
    const space = this.text.indexOf(' ')
    return space === -1 ? this.text : this.text.slice(0, space)
  }
}

const fixed = (text: string): ReplyError => Object.freeze(new ReplyError(text))

export const ERR = {
  syntax: fixed('ERR syntax error'),
  wrongType: fixed('WRONGTYPE Operation against a key holding the wrong kind of value'),
  notInteger: fixed('ERR value is not an integer or out of range'),
  notFloat: fixed('ERR value is not a valid float'),
  outOfRange: fixed('ERR value is out of range'),
  mustBePositive: fixed('ERR value is out of range, must be positive'),
  indexOutOfRange: fixed('ERR index out of range'),
  noSuchKey: fixed('ERR no such key'),
  numkeysNotPositive: fixed('ERR numkeys should be greater than 0'),
  numkeysTooLarge: fixed("ERR Number of keys can't be greater than number of args"),
  countNotPositive: fixed('ERR count should be greater than 0'),
  countNegative: fixed("ERR COUNT can't be negative"),
  maxlenNegative: fixed("ERR MAXLEN can't be negative"),
  rankZero: fixed(
    "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use negative to start from the end of the list",
  ),
  rankOutOfRange: fixed('ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807'),
  zaddNxXx: fixed('ERR XX and NX options at the same time are not compatible'),
  zaddGtLtNx: fixed('ERR GT, LT, and/or NX options at the same time are not compatible'),
  zaddIncrPairs: fixed('ERR INCR option supports a single increment-element pair'),
  scoreNaN: fixed('ERR resulting score is not a number (NaN)'),
  scoreRange: fixed('ERR min or max is not a float'),
  lexRange: fixed('ERR min or max not valid string range item'),
  limitByRank: fixed('ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX'),
  withScoresByLex: fixed('ERR syntax error, WITHSCORES not supported in combination with BYLEX'),
  weightNotFloat: fixed('ERR weight value is not a float'),
  limitNegative: fixed("ERR LIMIT can't be negative"),
  sortScore: fixed("ERR One or more scores can't be converted into double"),
  sameObject: fixed('ERR source and destination objects are the same'),
  overflow: fixed('ERR increment or decrement would overflow'),
  decrementOverflow: fixed('ERR decrement would overflow'),
  offsetOutOfRange: fixed('ERR offset is out of range'),
  lcsNotStrings: fixed('ERR The specified keys must contain string values'),
  lcsLengthAndMatches: fixed('ERR If you want both the length and indexes, please just use IDX.'),
  lcsTooLarge: fixed('ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len'),
  hashNotInteger: fixed('ERR hash value is not an integer'),
  hashNotFloat: fixed('ERR hash value is not a float'),
  notFinite: fixed('ERR value is NaN or Infinity'),
  incrementNaN: fixed('ERR increment would produce NaN or Infinity'),
  stringTooLong: fixed('ERR string exceeds maximum allowed size (proto-max-bulk-len)'),
  bitOffset: fixed('ERR bit offset is not an integer or out of range'),
  bitValue: fixed('ERR bit is not an integer or out of range'),
  bitArgument: fixed('ERR The bit argument must be 1 or 0.'),
  bitopNotSources: fixed('ERR BITOP NOT must be called with a single source key.'),
  bitfieldType: fixed(
    'ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.',
  ),
  bitfieldOverflow: fixed('ERR Invalid OVERFLOW type specified'),
  bitfieldReadOnly: fixed('ERR BITFIELD_RO only supports the GET subcommand'),
  geoUnit: fixed('ERR unsupported unit provided. please use M, KM, FT, MI'),
  geoNoMember: fixed('ERR could not decode requested zset member'),
  geoRadius: fixed('ERR need numeric radius'),
  geoRadiusNegative: fixed('ERR radius cannot be negative'),
  geoWidth: fixed('ERR need numeric width'),
  geoHeight: fixed('ERR need numeric height'),
  geoBoxNegative: fixed('ERR height or width cannot be negative'),
  geoCount: fixed('ERR COUNT must be > 0'),
  geoAny: fixed('ERR the ANY argument requires COUNT argument'),
  geosearchstoreWith: fixed('ERR GEOSEARCHSTORE is not compatible with WITHDIST, WITHHASH and WITHCOORD options'),
  georadiusStoreWith: fixed(
    'ERR STORE option in GEORADIUS is not compatible with WITHDIST, WITHHASH and WITHCOORD options',
  ),
  geosearchFrom: (name: string) =>
    new ReplyError(`ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for ${name}`),
  geosearchBy: (name: string) => new ReplyError(`ERR exactly one of BYRADIUS and BYBOX can be specified for ${name}`),
  notHyperLogLog: fixed('WRONGTYPE Key is not a valid HyperLogLog string value.'),
  pfdebugNoKey: fixed('ERR The specified key does not exist'),
  pfdebugNotSparse: fixed('ERR HLL encoding is not sparse'),
  corruptHyperLogLog: fixed('INVALIDOBJ Corrupted HLL object detected'),
  timeoutNotFloat: fixed('ERR timeout is not a float or out of range'),
  timeoutNotInteger: fixed('ERR timeout is not an integer or out of range'),
  timeoutOutOfRange: fixed('ERR timeout is out of range'),
  timeoutNegative: fixed('ERR timeout is negative'),
  invalidCursor: fixed('ERR invalid cursor'),
  dbIndexOutOfRange: fixed('ERR DB index is out of range'),
  noAuth: fixed('NOAUTH Authentication required.'),
  wrongPassword: fixed('WRONGPASS invalid username-password pair or user is disabled.'),
  noPasswordSet: fixed(
    'ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?',
  ),
  protocolVersionNotInteger: fixed('ERR Protocol version is not an integer or out of range'),
  noProtocol: fixed('NOPROTO unsupported protocol version'),
  helloNoAuth: fixed(
    'NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time',
  ),
  notInt32: fixed('ERR value is out of range, value must between -2147483648 and 2147483647'),
  clientName: fixed('ERR Client names cannot contain spaces, newlines or special characters.'),
  noSuchClient: fixed('ERR No such client'),
  clientIdNotPositive: fixed('ERR client-id should be greater than 0'),
  invalidClientId: fixed('ERR Invalid client ID'),
  pauseMode: fixed('ERR CLIENT PAUSE mode must be WRITE or ALL'),
  unblockReason: fixed('ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR'),
  loading: fixed('LOADING Redis is loading the dataset in memory'),
  readOnly: fixed("READONLY You can't write against a read only replica."),
  primaryDown: fixed("MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'."),
  roleChanged: fixed('UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)'),
  busy: fixed('BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.'),
  busyFunction: fixed('BUSY Redis is busy running a script. You can only call FUNCTION KILL or SHUTDOWN NOSAVE.'),
  outOfMemory: fixed("OOM command not allowed when used memory > 'maxmemory'."),
  execAbort: fixed('EXECABORT Transaction discarded because of previous errors.'),
  misconfAof: (cause: string) => new ReplyError(`MISCONF Errors writing to the AOF file: ${cause}`),
  misconfRdb: fixed(
    "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. Commands that may modify the data set are disabled, because this instance is configured to report errors during writes if RDB snapshotting fails (stop-writes-on-bgsave-error option). Please check the Redis logs for details about the RDB error.",
  ),
  noReplicas: fixed('NOREPLICAS Not enough good replicas to write.'),
  logBehind: fixed(
    'NOREPLICAS The log lacks a write that is older than log-max-lag. Writes are refused until it has that write.',
  ),
  failed: fixed('ERR'),
  saveInProgress: fixed('ERR Background save already in progress'),
  saveBlocked: fixed(
    "ERR Another child process is active (AOF?): can't BGSAVE right now. Use BGSAVE SCHEDULE in order to schedule a BGSAVE whenever possible.",
  ),
  rewriteInProgress: fixed('ERR Background append only file rewriting already in progress'),
  busyKey: fixed('BUSYKEY Target key name already exists.'),
  payloadFooter: fixed('ERR DUMP payload version or checksum are wrong'),
  payloadFormat: fixed('ERR Bad data format'),
  streamId: fixed('ERR Invalid stream ID specified as stream command argument'),
  streamIdZero: fixed('ERR The ID specified in XADD must be greater than 0-0'),
  streamIdNotAbove: fixed('ERR The ID specified in XADD is equal or smaller than the target stream top item'),
  streamExhausted: fixed('ERR The stream has exhausted the last possible ID, unable to add more items'),
  streamEntryTooLarge: fixed('ERR Elements are too large to be stored'),
  intervalStart: fixed('ERR invalid start ID for the interval'),
  intervalEnd: fixed('ERR invalid end ID for the interval'),
  groupExists: fixed('BUSYGROUP Consumer Group name already exists'),
  /** `more` names the command, where Redis does. */
  noGroup: (key: string, group: string, more = '') =>
    new ReplyError(
      `NOGROUP No such key '${printable(key, Number.POSITIVE_INFINITY)}' or consumer group '${printable(group, Number.POSITIVE_INFINITY)}'${more}`,
    ),
  noGroupOfKey: (key: string, group: string) =>
    new ReplyError(
      `NOGROUP No such consumer group '${printable(group, Number.POSITIVE_INFINITY)}' for key name '${printable(key, Number.POSITIVE_INFINITY)}'`,
    ),
  unblocked: fixed('UNBLOCKED client unblocked via CLIENT UNBLOCK'),
  unknownSubcommand: (sub: string, container: string) =>
    new ReplyError(`ERR unknown subcommand '${printable(sub, 128)}'. Try ${container.toUpperCase()} HELP.`),
  subcommandSyntax: (sub: string, container: string) =>
    new ReplyError(
      `ERR unknown subcommand or wrong number of arguments for '${printable(sub, 128)}'. Try ${container.toUpperCase()} HELP.`,
    ),
  inputKeyNeeded: (name: string) => new ReplyError(`ERR at least 1 input key is needed for '${name}' command`),
  arity: (name: string) => new ReplyError(`ERR wrong number of arguments for '${name}' command`),
  invalidExpire: (name: string) => new ReplyError(`ERR invalid expire time in '${name}' command`),
  /** Line breaks at the end are removed, others become blanks. */
  of: (text: string) => new ReplyError(`ERR ${printable(text.replace(/[\r\n]+$/, ''), Number.POSITIVE_INFINITY)}`),
} as const

/**
 * Cuts a user's text for a quote in an error: to `lengthMax`, and at its first NUL, as C does.
 * Keeps line breaks out of the reply's one line.
 */
export function printable(text: string, lengthMax: number): string {
  const nul = text.indexOf('\0')
  const length = Math.min(lengthMax, nul === -1 ? text.length : nul)
  const cut = text.length > length ? text.slice(0, length) : text
  return /[\r\n]/.test(cut) ? cut.replace(/[\r\n]/g, ' ') : cut
}
