export { type RunnableModel, type ServeExecutionsInit, serveExecutions } from './child.js'
export {
  type ChildProcessExecutor,
  type ChildProcessExecutorComponents,
  type ChildProcessExecutorInit,
  childProcessExecutor
} from './executor.js'
