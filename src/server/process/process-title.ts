// The title of the process in `ps`: where it listens, as `proc-title-template` says, and no
// password.
//
// A title replaces the command line, which every user of the machine may read. Without a title
// (`set-proc-title no`) the command line stays, but without its secrets.

import { CONFIG_NAMES, type Config, configRow } from '../../config/config.ts'
import { itemAt } from '../../util/array-reads.ts'
import { fillTemplate } from '../../util/bytes/template.ts'

/** The text that replaces a secret. */
const REDACTED = '(redacted)'

/** Sets the title, and again whenever its template changes. `args` are the program's own. */
export function showTitle(config: Config, args: readonly string[], configFile: string | undefined): void {
  if (!config.get('set-proc-title')) {
    const redacted = withoutSecrets(args)
    if (redacted.join(' ') !== args.join(' ')) process.title = ['respite', ...redacted].join(' ')
    return
  }
  const show = (): void => {
    process.title = titleOf(config, configFile)
  }
  show()
  config.onChange('proc-title-template', show)
}

/** Returns the title that the template makes. */
export function titleOf(config: Config, configFile = ''): string {
  const [port, tlsPort] = [config.get('port'), config.get('tls-port')]
  const address = itemAt(config.get('bind').split(' '), 0).replace(/^-/, '')
  const values: Readonly<Record<string, string>> = {
    title: 'respite',
    'listen-addr': port === 0 && tlsPort === 0 ? config.get('unixsocket') : `${address}:${port || tlsPort}`,
    'server-mode': '',
    port: String(port),
    'tls-port': String(tlsPort),
    unixsocket: config.get('unixsocket'),
    'config-file': configFile,
  }
  return (fillTemplate(config.get('proc-title-template'), (name) => values[name]) ?? '').trimEnd()
}

/** Returns a command line with every value of a secret setting taken out. */
export function withoutSecrets(args: readonly string[]): string[] {
  let isSecret = false
  /** The first word after an option is its value, even where it looks like an option. */
  let isValue = false
  return args.map((arg) => {
    const option = isValue ? null : /^--(\S+)(\s.*)?$/s.exec(arg)
    isValue = option !== null && option[2] === undefined
    if (option === null) return isSecret ? REDACTED : arg
    const name = CONFIG_NAMES.get(itemAt(option, 1).toLowerCase())
    isSecret = name !== undefined && configRow(name).secret === true
    return isSecret && option[2] !== undefined ? `--${option[1]} ${REDACTED}` : arg
  })
}
