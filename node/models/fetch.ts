import { existsSync } from 'node:fs'
import { rename, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { locateFile, type ManifestDocument, parseManifest, readManifest } from '../../models/index.js'
import type { Content } from '../../src/content/index.js'
import { cidOfFile } from '../../src/interface/content-id.js'
import {
  type Clock,
  ContentUnavailableError,
  type Logger,
  type Manifest,
  ManifestError,
  type Startable
} from '../../src/interface/index.js'
import { fetchedFolders, isReservedName } from './fetched-folders.js'

export interface ModelFetcherInit {
  dataDir: string
  /** Of all files of one model. */
  maxBytes: number
}

export interface ModelFetcherComponents {
  content: Pick<Content, 'read' | 'save' | 'pin' | 'unpin' | 'unshare'>
  /** Whether this version has the architecture of a model. Throws NotFoundError. */
  checkArchitecture(task: string, architecture: string): Promise<void>
  /** Given what was fetched: tests it, and offers it if it passes: then it is true. */
  onFetched(document: ManifestDocument): Promise<boolean>
  /** Called before the files of a model are removed: it is offered no more. */
  onDropped(cid: string): void
  /** Whether a model has failed its self-test. */
  isRefused(cid: string): boolean
  clock: Clock
  logger: Logger
}

/** Gets models that jobs ask for and that are not here, from peers, by the CID of their manifest. */
export interface ModelFetcher extends Startable {
  /** Asks for a model, soon. Never throws; says in the log how it went. */
  want(cid: string): void
  /**
   * Whether a model may be here soon: it waits to be fetched, is being fetched or tested; for ten minutes at most. Also true for a
   * minute after one was removed to make room: a job may have been taken for its sake.
   */
  isComing(cid: string): boolean
  /** Fetches one now. Throws ContentUnavailableError, ContentInvalidError, ManifestError. */
  fetch(cid: string, signal: AbortSignal): Promise<ManifestDocument>
}

/** As manifests on disk: files and settings are named, not held. */
const maxManifestBytes = 256 * 1024
/** Models that wait to be fetched: anyone may ask for any, but pays for a job each time. */
const maxWanted = 16
/** Pause after a model could not be had; doubled by each further failure, up to a day. */
const firstPauseMs = 10_000
const maxPauseMs = 24 * 3_600_000
/** How long jobs wait for a model that is coming: 512 MB at 10 Mbit/s take seven minutes. */
const maxComingMs = 600_000
/** From the claim of a job to the start of its run, where the chain answers. */
const droppedGraceMs = 60_000

export function modelFetcher(init: ModelFetcherInit): (components: ModelFetcherComponents) => ModelFetcher {
  return ({ content, checkArchitecture, onFetched, onDropped, isRefused, clock, logger }) => {
    const folders = fetchedFolders(init.dataDir)
    const wanted = new Set<string>()
    /** When models were asked for that wait, or are worked on. */
    const coming = new Map<string, number>()
    /** When models were removed that may have been offered until then. */
    const dropped = new Map<string, number>()
    const failures = new Map<string, { count: number; notBeforeMs: number }>()
    let life: AbortController | undefined
    let working: Promise<void> | undefined

    async function fetchManifest(cid: string, signal: AbortSignal): Promise<[Manifest, Uint8Array]> {
      const bytes = await content.read(cid, { maxBytes: maxManifestBytes, signal })
      const manifest = parseManifest(bytes, cid)
      const sizeBytes = Object.values(manifest.files).reduce((sum, file) => sum + file.sizeBytes, 0)
      if (sizeBytes > init.maxBytes) {
        throw new ManifestError(
          `The model ${cid} has ${sizeBytes} bytes, and at most ${init.maxBytes} are fetched: see --fetch-models-mb`
        )
      }
      const reserved = Object.values(manifest.files).find(file => isReservedName(file.path))
      if (reserved !== undefined) {
        throw new ManifestError(
          `The model ${cid} names a file ${JSON.stringify(reserved.path)}, which would be taken for a manifest: rename it`
        )
      }
      await checkArchitecture(manifest.task, manifest.architecture)
      return [manifest, bytes]
    }

    async function fetch(cid: string, signal: AbortSignal): Promise<ManifestDocument> {
      const [manifest, bytes] = await fetchManifest(cid, signal)
      const folder = await folders.open(cid)
      for (const file of Object.values(manifest.files)) {
        if (file.path.startsWith('npm:')) {
          // Packages come with the program. A model of another one is for operators who install it.
          await locateFile({ path: join(folder, 'manifest') }, file.path)
          continue
        }
        const target = join(folder, file.path)
        if (await isHere(target, file)) continue
        logger.info(
          { manifest: cid, file: file.path, sizeBytes: file.sizeBytes },
          'Fetching a file of a model'
        )
        await content.save(file.cid, target, {
          maxBytes: file.sizeBytes,
          signal,
          onProgress: ({ bytes: done, totalBytes }) =>
            logger.debug({ manifest: cid, file: file.path, bytes: done, totalBytes }, 'Fetching')
        })
      }
      const path = folders.manifest(cid)
      await writeFile(`${path}.new`, bytes)
      await rename(`${path}.new`, path)
      await content.pin(cid)
      return readManifest(path)
    }

    /** Takes a fetched model back: what the worker offers, serves, and has on disk. */
    async function drop(cid: string): Promise<void> {
      onDropped(cid)
      content.unshare(folders.path(cid))
      await content.unpin(cid)
      await folders.remove(cid)
      logger.info({ manifest: cid }, 'The files of a fetched model were removed')
    }

    /** Keeps what is of use, and no more than a number, whether the last one came or broke off. */
    async function tidy(): Promise<void> {
      try {
        // Such as failed in an earlier run of this node, or now that the program is another.
        for (const cid of await folders.list()) if (isRefused(cid)) await drop(cid)
        for (const cid of await folders.surplus()) {
          await drop(cid)
          dropped.set(cid, clock.steadyMs())
        }
        for (const [cid, atMs] of dropped) if (clock.steadyMs() - atMs > droppedGraceMs) dropped.delete(cid)
      } catch (err) {
        logger.warn({ err }, 'Fetched models could not be removed; trying again after the next one')
      }
    }

    async function fetchAndTest(cid: string, signal: AbortSignal): Promise<void> {
      try {
        const document = await fetch(cid, signal)
        logger.info({ model: document.manifest.name, manifest: cid }, 'A model was fetched from peers')
        if (!(await onFetched(document))) throw new ManifestError(`The model ${cid} fails its self-test`)
      } catch (err) {
        // What broke off goes on where it was, when the model is asked for again. What is wrong is of no use.
        const isBroken = signal.aborted || err instanceof ContentUnavailableError
        if (!isBroken && folders.has(cid)) await drop(cid)
        throw err
      }
    }

    function remember(cid: string): number {
      const count = (failures.get(cid)?.count ?? 0) + 1
      const pauseMs = Math.min(maxPauseMs, firstPauseMs * 2 ** (count - 1))
      failures.set(cid, { count, notBeforeMs: clock.steadyMs() + pauseMs })
      // A map keeps the order of insertion.
      for (const oldest of failures.keys()) {
        if (failures.size <= 1_000) break
        failures.delete(oldest)
      }
      return pauseMs
    }

    async function work(signal: AbortSignal): Promise<void> {
      for (const cid of wanted) {
        if (signal.aborted) return
        wanted.delete(cid)
        try {
          await fetchAndTest(cid, signal)
          failures.delete(cid)
        } catch (err) {
          if (signal.aborted) return
          const pauseMs = remember(cid)
          logger.warn({ err, manifest: cid, pauseMs }, 'A model that jobs ask for could not be fetched')
        } finally {
          coming.delete(cid)
          if (!signal.aborted) await tidy()
        }
      }
    }

    function wake(): void {
      if (life === undefined || working !== undefined) return
      working = work(life.signal).finally(() => {
        working = undefined
        if (wanted.size > 0) wake()
      })
    }

    return {
      fetch,
      want(cid) {
        const notBeforeMs = failures.get(cid)?.notBeforeMs ?? 0
        if (coming.has(cid) || wanted.size >= maxWanted || notBeforeMs > clock.steadyMs()) return
        wanted.add(cid)
        coming.set(cid, clock.steadyMs())
        wake()
      },
      isComing(cid) {
        const nowMs = clock.steadyMs()
        const isFetched = nowMs - (coming.get(cid) ?? Number.NEGATIVE_INFINITY) < maxComingMs
        return isFetched || nowMs - (dropped.get(cid) ?? Number.NEGATIVE_INFINITY) < droppedGraceMs
      },
      async start() {
        if (life !== undefined) return
        life = new AbortController()
        await tidy()
        wake()
      },
      async stop() {
        life?.abort(new Error('The node stops'))
        life = undefined
        await working
      }
    }
  }
}

/** Whether an earlier, broken fetch left the file whole. */
async function isHere(
  path: string,
  { cid, sizeBytes }: { cid: string; sizeBytes: number }
): Promise<boolean> {
  return existsSync(path) && (await stat(path)).size === sizeBytes && (await cidOfFile(path)) === cid
}
