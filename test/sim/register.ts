import { existsSync } from 'node:fs'
import { registerHooks } from 'node:module'
import { fileURLToPath } from 'node:url'

/** Pure functions that each node of a simulation would call with the same arguments: computed once for all (shared/). */
const shared = [
  { from: '/src/job/job-key.ts', to: './shared/job-key.ts' },
  { from: '/src/gossip/envelope.ts', to: './shared/envelope.ts' },
  { from: '/src/gossip/quick-keys.ts', to: './shared/quick-keys.ts' }
]
const isShared = (parent: string): boolean => parent.includes('/test/sim/shared/')

/** Lets Node run the sources as they are: an import of `./x.js` means `./x.ts` where only that exists. */
registerHooks({
  resolve(specifier, context, nextResolve) {
    const parent = context.parentURL ?? ''
    if (specifier === 'ethers' && parent.endsWith('/src/gossip/validation/presence.ts')) {
      return nextResolve(new URL('./shared/checksum.ts', import.meta.url).href, context)
    }
    if (specifier.startsWith('.') && specifier.endsWith('.js') && parent !== '') {
      const source = new URL(specifier.replace(/\.js$/, '.ts'), parent)
      const stand = shared.find(({ from }) => source.pathname.endsWith(from))
      if (stand !== undefined && !isShared(parent)) {
        return nextResolve(new URL(stand.to, import.meta.url).href, context)
      }
      if (existsSync(fileURLToPath(source))) return nextResolve(source.href, context)
    }
    return nextResolve(specifier, context)
  }
})
