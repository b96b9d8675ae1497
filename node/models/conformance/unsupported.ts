/** A case that asks for what ONNX Runtime, or the tensor task, does not have. Never leaves the conformance run. */
export class UnsupportedCaseError extends Error {}
