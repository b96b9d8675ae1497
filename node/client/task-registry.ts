import { createModelRegistry, type ModelRegistry } from '../../models/index.js'

/** The tasks, for who asks: a manifest that breaks its schema is news for who runs models, and left out here. */
export function readTasks(): Promise<ModelRegistry> {
  return createModelRegistry({ onFault: () => undefined })
}
