import type { Options } from './options.js'

export async function runScale(_tell: (text: string) => void): Promise<{ ok: boolean }> {
  return { ok: true }
}
export async function runLarge(_options: Options): Promise<{ ok: boolean }> {
  return { ok: true }
}
