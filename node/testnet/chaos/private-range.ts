import { ProcessError } from '../../../src/interface/index.js'

/** How many ranges are tried by lot. With one of ten thousand taken, the first will do. */
const tries = 100

/**
 * The first three bytes of 256 private addresses (RFC 1918) that overlap none of the networks, such as `10.77.3`. By lot, so that
 * two that choose at one time hardly meet. Throws ProcessError where all of a hundred lie in a network: a machine whose routes
 * cover all private addresses.
 *
 * @param networks as `ip route` writes them: `10.1.0.0/16`, `10.1.2.3`
 */
export function choosePrivateRange(networks: string[], random: () => number): string {
  const taken = networks.map(bounds)
  const byte = (): number => Math.floor(random() * 256)
  for (let count = 0; count < tries; count++) {
    // A VPN or a provider may have all of 10.0.0.0/8.
    const range = count % 2 === 0 ? `10.${byte()}.${byte()}` : `172.${16 + (byte() % 16)}.${byte()}`
    const [first, last] = bounds(`${range}.0/24`)
    if (taken.every(([from, to]) => to < first || from > last)) return range
  }
  throw new ProcessError(
    'No private addresses are free for the namespaces: routes of this machine cover them'
  )
}

function bounds(network: string): [first: number, last: number] {
  const [address = '', length = '32'] = network.split('/')
  const number = address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0)
  const size = 2 ** (32 - Number(length))
  const first = number - (number % size)
  return [first, first + size - 1]
}
