import { readFile } from 'node:fs/promises'

/**
 * Resident memory of a process in bytes, from Linux's /proc; undefined on other systems, where the child watches
 * itself, and for a process that has ended.
 */
export async function residentBytes(pid: number): Promise<number | undefined> {
  try {
    // `status` counts in kB; `statm` would count in pages, whose size Node does not tell.
    const kilobytes = /^VmRSS:\s+(\d+) kB$/mu.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1]
    return kilobytes === undefined ? undefined : Number(kilobytes) * 1024
  } catch {
    // The process is gone, or the system has no /proc.
    return undefined
  }
}
