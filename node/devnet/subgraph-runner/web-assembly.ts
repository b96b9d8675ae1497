/**
 * The part of WebAssembly that the runner uses. TypeScript declares it with the browser's types only, which would
 * let the whole program use a browser's globals.
 */
export interface WasmModule {
  readonly [Symbol.toStringTag]: 'WebAssembly.Module'
}
export interface WasmMemory {
  readonly buffer: ArrayBuffer
}
type WasmFunction = (...args: number[]) => number | void

interface WebAssemblyApi {
  Module: {
    new (bytes: Uint8Array): WasmModule
    imports(module: WasmModule): { module: string; name: string }[]
  }
  Instance: new (
    module: WasmModule,
    imports: Record<string, Record<string, WasmFunction>>
  ) => { exports: Record<string, unknown> }
  RuntimeError: new () => Error
}

export const webAssembly = (globalThis as unknown as { WebAssembly: WebAssemblyApi }).WebAssembly
