import { expect, test } from 'vitest'
import { createModelRegistry } from '../../../models/index.js'
import { architectureConformance } from './architecture.case.js'

const registry = await createModelRegistry()

test('every architecture has a model to be tested with', () => {
  const tested = registry.manifests().map(({ manifest }) => `${manifest.task}/${manifest.architecture}`)
  for (const task of registry.tasks()) {
    for (const architecture of registry.architectures(task.name)) {
      expect(tested).toContain(`${task.name}/${architecture}`)
    }
  }
})

for (const document of registry.manifests()) {
  const { task, architecture } = document.manifest
  architectureConformance(registry.task(task), await registry.architecture(task, architecture), document)
}
