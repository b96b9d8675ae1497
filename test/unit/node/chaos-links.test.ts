import { describe, expect, it } from 'vitest'
import { prepareLinks } from '../../../node/testnet/chaos/links.js'
import { isAbandoned, namespacePrefix } from '../../../node/testnet/chaos/namespace-owner.js'
import type { Namespaces } from '../../../node/testnet/chaos/namespaces.js'
import { choosePrivateRange } from '../../../node/testnet/chaos/private-range.js'
import { seededRandom } from '../../../node/testnet/chaos/random.js'
import { ConfigError, ProcessError } from '../../../src/interface/index.js'

const none = (): Promise<Namespaces> => Promise.reject(new ProcessError('Only root can'))
const some = {} as Namespaces

describe('how connections are cut', () => {
  it('behavior: namespaces where they can be had, and what is asked for', async () => {
    expect(await prepareLinks(undefined, ['a'], async () => some)).toEqual({
      kind: 'namespaces',
      namespaces: some
    })
    expect(await prepareLinks('gater', ['a'], async () => some)).toEqual({
      kind: 'gater',
      namespaces: undefined
    })
  })

  it('behavior: without namespaces it is the gater, and the reason is told', async () => {
    expect(await prepareLinks(undefined, ['a'], none)).toEqual({
      kind: 'gater',
      namespaces: undefined,
      because: 'Only root can'
    })
  })

  it('behavior: who asks for namespaces is not given the gater, and no other error is hidden', async () => {
    await expect(prepareLinks('namespaces', ['a'], none)).rejects.toThrow('--links gater')
    const broken = (): Promise<Namespaces> => Promise.reject(new ConfigError('broken'))
    await expect(prepareLinks(undefined, ['a'], broken)).rejects.toThrow('broken')
  })
})

describe('private addresses', () => {
  const chosen = (networks: string[]): string[] =>
    Array.from({ length: 200 }, (_, seed) => choosePrivateRange(networks, seededRandom(seed)))

  it('behavior: they are private, and by lot', () => {
    for (const range of chosen([])) expect(range).toMatch(/^(10\.\d+|172\.(1[6-9]|2\d|3[01]))\.\d+$/)
    expect(new Set(chosen([])).size).toBeGreaterThan(190)
  })

  it('behavior: they lie in no network that the machine has a route to, however large or small', () => {
    expect(chosen(['10.0.0.0/8']).every(range => range.startsWith('172.'))).toBe(true)
    const [first = ''] = chosen([])
    expect(chosen([`${first}.77`])[0]).not.toBe(first)
    expect(chosen([`${first}.128/25`])[0]).not.toBe(first)
    expect(() => chosen(['10.0.0.0/8', '172.16.0.0/12'])).toThrow(ProcessError)
  })
})

describe.runIf(process.platform === 'linux')('the owner of a namespace', () => {
  it('behavior: a namespace is abandoned if its process has ended, even if another has its number', () => {
    const own = namespacePrefix()
    expect(isAbandoned(`${own}-1hub`)).toBe(false)
    expect(isAbandoned(`${own}0-1hub`)).toBe(true)
    const [, space] = own.split('-')
    // No process has a number above 2^22.
    expect(isAbandoned(`buffalo-${space}-4194305-1-1n2`)).toBe(true)
  })

  it('behavior: nothing is said of names of others, and of other containers', () => {
    const [, space, pid, start] = namespacePrefix().split('-')
    expect(isAbandoned(`buffalo-${Number(space) + 1}-${pid}-${start}-1hub`)).toBe(false)
    for (const name of [
      '',
      'cni-1234',
      'buffalo',
      `buffalo-${space}-4194305-1`,
      `my-buffalo-${space}-4194305-1-1`
    ]) {
      expect([name, isAbandoned(name)]).toEqual([name, false])
    }
  })
})
