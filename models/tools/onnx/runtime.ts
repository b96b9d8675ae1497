import type { InferenceSession } from 'onnxruntime-common'

/** What runs ONNX graphs. */
export interface Runtime {
  /** `1.30.0` */
  version(): string
  /**
   * `externalFiles`: names of the files beside the graph that hold its weights. Throws what the runtime throws for a file that
   * it does not take.
   */
  open(
    path: string,
    externalFiles: readonly string[],
    options: InferenceSession.SessionOptions
  ): Promise<InferenceSession>
}
