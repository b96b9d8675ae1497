import { expect, it } from 'vitest'
import { createModelRegistry } from '../../../models/index.js'
import { failedVector } from '../../../node/models/test-vectors.js'
import type { Executor } from '../../../src/interface/index.js'

it('behavior: of what a model answered to a test vector, the fault shows no more than some lines', async () => {
  const registry = await createModelRegistry()
  const document = registry.manifests().find(({ manifest }) => manifest.task === 'text-generation')
  const [vector] = document?.manifest.testVectors ?? []
  if (document === undefined || vector === undefined) throw new Error('no model')
  const bytes = Buffer.alloc(10_000_000, 'x')
  const receipt = { runtime: '', runtimeVersion: '', manifest: '', cpu: '', outputHash: '0x' as const }
  const executor: Executor = {
    start() {},
    stop() {},
    execute: async () => ({
      success: true,
      output: '0x',
      receipt,
      content: { bytes, mediaType: 'text/plain' }
    })
  }
  const { signal } = new AbortController()
  const fault = await failedVector(document, registry.task('text-generation'), vector, executor, signal)
  expect(fault).toContain('xxx…')
  expect(fault?.length).toBeLessThan(1_000)
})
