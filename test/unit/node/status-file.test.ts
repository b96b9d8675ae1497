import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, readdir, rm, symlink, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { readStatusFile, statusFile } from '../../../node/status/status-file.js'
import { aStatus } from './fixtures/a-status.js'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'buffalo-status-'))
})
afterEach(() => rm(folder, { recursive: true }))

const write = (content: string): Promise<void> => writeFile(join(folder, 'status.json'), content)

describe('the status file', () => {
  it('behavior: what is written is read back, also over an earlier one, and nothing else is left behind', async () => {
    const file = statusFile(folder)
    await file.write(aStatus())
    await file.write(aStatus({ state: 'stopping' }))
    expect(await readStatusFile(folder)).toEqual({
      kind: 'status',
      status: aStatus({ state: 'stopping' }),
      touchedMs: expect.any(Number)
    })
    expect(await readdir(folder)).toEqual(['status.json'])
  })

  it('behavior: where it cannot be written, the old one stays, with a new time', async () => {
    const file = statusFile(folder)
    await file.write(aStatus({ state: 'starting' }))
    await utimes(join(folder, 'status.json'), 1, 1)
    await mkdir(join(folder, 'status.json.tmp'))
    await expect(file.write(aStatus({ writtenAtMs: 5_000_000 }))).rejects.toThrow('EISDIR')
    expect(await readStatusFile(folder)).toMatchObject({
      status: { state: 'starting' },
      touchedMs: 5_000_000
    })
    await expect(statusFile(join(folder, 'gone')).write(aStatus())).rejects.toThrow('ENOENT')
  })

  it('behavior: an absent file or folder is told apart from one that cannot be read', async () => {
    expect(await readStatusFile(folder)).toEqual({ kind: 'absent' })
    expect(await readStatusFile(join(folder, 'nowhere'))).toEqual({ kind: 'absent' })
    await write('{}')
    expect(await readStatusFile(join(folder, 'status.json'))).toEqual({
      kind: 'unreadable',
      why: 'its directory is a file'
    })
  })

  it.each([
    ['cut off', JSON.stringify(aStatus()).slice(0, 200), 'it is not JSON'],
    ['empty', '', 'it is not JSON'],
    ['no object', '[]', 'it holds no status'],
    ['of another version', JSON.stringify({ ...aStatus(), format: 2 }), 'another version of buffalo-node'],
    ['with a pid that is none', JSON.stringify({ ...aStatus(), pid: -1 }), 'its field "pid"'],
    ['with a time that is none', JSON.stringify({ ...aStatus(), writtenAtMs: 1e300 }), '"writtenAtMs"'],
    ['that would steer the terminal', JSON.stringify(aStatus({ step: '\u001b[2J' })), 'its field "step"'],
    ['with a text without end', JSON.stringify(aStatus({ host: 'x'.repeat(2_000) })), 'its field "host"'],
    ['with too many addresses', JSON.stringify(aStatus({ addresses: Array(101).fill('/') })), '"addresses"'],
    ['with codes that are none', JSON.stringify(aStatus({ problems: ['\u202e'] })), '"problems.0"'],
    ['that is too large', ' '.repeat(300_000), 'it has 300000 bytes']
  ])('behavior: a file %s is refused, and said to be', async (_, content, why) => {
    await write(content)
    expect(await readStatusFile(folder)).toEqual({ kind: 'unreadable', why: expect.stringContaining(why) })
  })

  it('behavior: what is no file is refused at once', async () => {
    await mkdir(join(folder, 'status.json'))
    expect(await readStatusFile(folder)).toEqual({ kind: 'unreadable', why: 'it is no file' })
    await rm(join(folder, 'status.json'), { recursive: true })
    await symlink('/dev/zero', join(folder, 'status.json'))
    expect(await readStatusFile(folder)).toEqual({ kind: 'unreadable', why: 'it is no file' })
  })

  it.skipIf(process.platform === 'win32')('behavior: a pipe in its place keeps nobody waiting', async () => {
    execFileSync('mkfifo', [join(folder, 'status.json')])
    expect(await readStatusFile(folder)).toEqual({ kind: 'unreadable', why: 'it is no file' })
  })
})
