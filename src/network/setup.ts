import { CODE_P2P, type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { ConfigError, ListenError } from '../interface/index.js'

/** Addresses to listen on or to announce, as they were given. Throws ConfigError for one that is not a TCP multiaddr. */
export function checkAddresses(field: 'listen' | 'announce', addresses: string[]): string[] {
  for (const address of addresses) {
    if (!protocols(parse(field, address)).includes('tcp')) {
      throw new ConfigError(`${field}: ${address} has no TCP port: write it like /ip4/127.0.0.1/tcp/4001`)
    }
  }
  return addresses
}

/** Bootstrap addresses, as they were given. Throws ConfigError for one that is not a multiaddr with a peer id. */
export function checkBootstrap(addresses: string[]): string[] {
  for (const address of addresses) {
    if (
      !parse('bootstrap', address)
        .getComponents()
        .some(({ code }) => code === CODE_P2P)
    ) {
      throw new ConfigError(
        `bootstrap: ${address} names no peer: write it like /ip4/…/tcp/4001/p2p/12D3KooW…`
      )
    }
  }
  return addresses
}

/** What to tell when the node cannot start. */
export function listenError(err: unknown, listen: string[]): unknown {
  if (!(err instanceof Error) || err.name !== 'UnsupportedListenAddressesError') return err
  const failed = listen.filter(address => err.message.includes(address)).join(', ')
  const inUse = err.message.includes('EADDRINUSE')
  const problem = inUse
    ? 'is in use: stop the program that listens there'
    : 'cannot be listened on: check that it is this machine’s'
  return new ListenError(
    `The address ${failed || listen.join(', ')} ${problem}, or choose another with --listen (port 0 takes a free one)`,
    { cause: err }
  )
}

function parse(field: string, address: string): Multiaddr {
  try {
    return multiaddr(address)
  } catch (err) {
    throw new ConfigError(`${field}: ${address} is not a multiaddr: write it like /ip4/127.0.0.1/tcp/4001`, {
      cause: err
    })
  }
}

function protocols(address: Multiaddr): string[] {
  return address.getComponents().map(({ name }) => name)
}
