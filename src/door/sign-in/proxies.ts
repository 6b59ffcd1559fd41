// Proxies in front of the console: the headers of those that `console-proxies` names count.
//
// A header is worth what its sender is worth. So the user, the address and the scheme that headers
// tell are read only where the connection itself comes from a named proxy.

import net from 'node:net'
import type { Config } from '../../config/config.ts'
import type { Exchange } from '../exchanges/exchange.ts'

export class Proxies {
  readonly #config: Config
  #trusted = new net.BlockList()

  constructor(config: Config) {
    this.#config = config
    config.onChange('console-proxies', (words) => this.#read(words))
    this.#read(config.get('console-proxies'))
  }

  /** The user that a proxy names; undefined = none does. */
  userOf(exchange: Exchange): string | undefined {
    const header = this.#config.get('console-user-header').toLowerCase()
    if (header === '' || !this.#trusts(exchange.ip)) return undefined
    const user = exchange.header(header)
    // Two headers of one name arrive with a comma between: neither can be told to be the proxy's.
    return user === undefined || user === '' || user.includes(',') ? undefined : user
  }

  /** The address of the other side: behind a proxy, the last one that is none of the proxies. */
  addressOf(exchange: Exchange): string {
    if (!this.#trusts(exchange.ip)) return exchange.ip
    const passed = (exchange.header('x-forwarded-for') ?? '').split(',').map((address) => address.trim())
    const foreign = passed.filter((address) => net.isIP(address) !== 0 && !this.#trusts(address))
    return foreign.at(-1) ?? exchange.ip
  }

  /** Tells whether the other side speaks TLS, with this server or with a proxy. */
  isEncrypted(exchange: Exchange): boolean {
    return exchange.isEncrypted || (this.#trusts(exchange.ip) && exchange.header('x-forwarded-proto') === 'https')
  }

  #trusts(ip: string): boolean {
    const plain = ip.replace(/^::ffff:(?=\d+\.)/i, '')
    const version = net.isIP(plain)
    return version !== 0 && this.#trusted.check(plain, version === 4 ? 'ipv4' : 'ipv6')
  }

  /** Words that are no address are left out: they trust nothing. */
  #read(words: string): void {
    const trusted = new net.BlockList()
    for (const word of words.split(' ')) {
      const [address = '', bits] = word.split('/')
      const version = net.isIP(address)
      if (version === 0) continue
      const kind = version === 4 ? 'ipv4' : 'ipv6'
      const length = Number(bits)
      if (bits === undefined) trusted.addAddress(address, kind)
      else if (/^\d+$/.test(bits) && length <= (version === 4 ? 32 : 128)) trusted.addSubnet(address, length, kind)
    }
    this.#trusted = trusted
  }
}
