import { createHash } from 'node:crypto'
import { createReadStream, existsSync } from 'node:fs'
import { readFile, realpath, stat } from 'node:fs/promises'
import { createRequire } from 'node:module'
import path from 'node:path'
import { pipeline } from 'node:stream/promises'
import { CID } from 'multiformats/cid'
import * as raw from 'multiformats/codecs/raw'
import * as Digest from 'multiformats/hashes/digest'
import { sha256 } from 'multiformats/hashes/sha2'
import { cidOfFile } from '../src/interface/content-id.js'
import { type Manifest, ManifestError, type ManifestFile, type ModelFiles } from '../src/interface/index.js'
import { checkManifest, dagPbCode, parseCid, parseFileCid } from './manifest-schema.js'

/** A manifest names files and settings, and holds neither: 256 KiB is ample. */
const maxManifestBytes = 256 * 1024

/** A manifest, its identity, and where it was found. */
export interface ManifestDocument {
  manifest: Manifest
  /** CIDv1, raw, SHA-256, of the bytes of the file. */
  cid: string
  /** Absolute path of the JSON file. */
  path: string
}

/** Reads and checks one manifest. Throws ManifestError. */
export async function readManifest(file: string): Promise<ManifestDocument> {
  const absolute = path.resolve(file)
  try {
    const { size } = await stat(absolute)
    if (size > maxManifestBytes) {
      throw new ManifestError(
        `The manifest ${absolute} has ${size} bytes: at most ${maxManifestBytes} are taken`
      )
    }
    const bytes = await readFile(absolute)
    return { manifest: parseManifest(bytes, absolute), cid: cidOfBytes(bytes), path: absolute }
  } catch (err) {
    if (err instanceof ManifestError) {
      throw err
    }
    throw new ManifestError(`The manifest ${absolute} cannot be read`, { cause: err })
  }
}

/** `source` names the document in errors. Throws ManifestError. */
export function parseManifest(bytes: Uint8Array, source: string): Manifest {
  let json: unknown
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (err) {
    throw new ManifestError(`The manifest ${source} is not JSON`, { cause: err })
  }
  const checked = checkManifest(json)
  if ('fault' in checked) {
    throw new ManifestError(`The manifest ${source}: ${checked.fault}`)
  }
  return checked.manifest
}

/** CIDv1, raw, SHA-256. */
export function cidOfBytes(bytes: Uint8Array): string {
  return cidOfDigest(createHash('sha256').update(bytes).digest())
}

function cidOfDigest(digest: Uint8Array): string {
  return CID.createV1(raw.code, Digest.create(sha256.code, digest)).toString()
}

/** What a model contract stores for a manifest. */
export function manifestLocation(cid: string): string {
  return `ipfs://${cid}`
}

/** The CID in a manifest's location, in its usual spelling; undefined where the location names none. */
export function cidOfLocation(location: string): string | undefined {
  // 200 characters hold the CID of any hash function in use; the location comes from a stranger's contract.
  const text =
    location.length <= 200 && location.startsWith('ipfs://') ? location.slice('ipfs://'.length) : ''
  return parseCid(text)?.toString()
}

/** Paths, sizes and times of files whose hash has been checked: a file of many megabytes is read once a process. */
const verified = new Set<string>()

/**
 * Finds the files of a manifest and checks size and hash of each. Throws ManifestError for a file that is missing,
 * lies outside its folder or differs.
 */
export async function openModelFiles({
  manifest,
  path: manifestPath
}: ManifestDocument): Promise<ModelFiles> {
  const paths = new Map<string, string>()
  for (const [key, file] of Object.entries(manifest.files)) {
    const found = await findFile(file.path, manifestPath)
    await verifyFile(found, file)
    paths.set(key, found)
  }
  return {
    path(key) {
      const found = paths.get(key)
      if (found === undefined) {
        throw new ManifestError(`The manifest of ${manifest.name} names no file "${key}"`)
      }
      return found
    }
  }
}

/** 64 MiB: what the task of tensors takes, as the largest. It is read into the memory of the node itself. */
const maxTestFileBytes = 64 * 1024 * 1024

/** A file of a test vector, by its path in the manifest; its hash is checked where `files` names it. Throws ManifestError. */
export async function readTestFile(document: ManifestDocument, file: string): Promise<Uint8Array> {
  const found = await findFile(file, document.path)
  const { size } = await stat(found)
  if (size > maxTestFileBytes) {
    throw new ManifestError(
      `The file ${file} of a test vector has ${size} bytes: at most ${maxTestFileBytes} are taken`
    )
  }
  const named = Object.values(document.manifest.files).find(entry => entry.path === file)
  if (named !== undefined) {
    await verifyFile(found, named)
  }
  return readFile(found)
}

/** Where a path of a manifest lies on this machine: absolute. Throws ManifestError. */
export function locateFile(document: Pick<ManifestDocument, 'path'>, location: string): Promise<string> {
  return findFile(location, document.path)
}

const npmPrefix = 'npm:'

/** Absolute, symbolic links followed; always below the manifest's folder, or below the folder of the package named. */
async function findFile(location: string, manifestPath: string): Promise<string> {
  try {
    const [root, inside] = location.startsWith(npmPrefix)
      ? splitPackagePath(location.slice(npmPrefix.length), manifestPath)
      : [path.dirname(manifestPath), location]
    const [realRoot, found] = [await realpath(root), await realpath(path.join(root, inside))]
    if (!found.startsWith(realRoot + path.sep)) {
      throw new ManifestError(`The file ${location} of ${manifestPath} lies outside its folder`)
    }
    return found
  } catch (err) {
    if (err instanceof ManifestError) {
      throw err
    }
    throw new ManifestError(
      `The file ${location} of ${manifestPath} is missing: run npm ci, or fetch the model`,
      {
        cause: err
      }
    )
  }
}

/** Folder of the package, and the path in it. */
function splitPackagePath(location: string, manifestPath: string): [string, string] {
  const parts = location.split('/')
  const length = location.startsWith('@') ? 2 : 1
  const packageName = parts.slice(0, length).join('/')
  // Seen from the manifest, then from here: a manifest of one's own may use the weights that this package depends on.
  // Not resolved as modules, because a package's `exports` may hide its package.json and its data.
  const folders = [manifestPath, import.meta.url].flatMap(
    from => createRequire(from).resolve.paths(packageName) ?? []
  )
  for (const folder of folders) {
    const root = path.join(folder, packageName)
    if (existsSync(path.join(root, 'package.json'))) {
      return [root, parts.slice(length).join('/')]
    }
  }
  throw new ManifestError(
    `The package ${packageName}, named by ${manifestPath}, is not installed: run npm ci`
  )
}

async function verifyFile(file: string, { cid, sizeBytes }: ManifestFile): Promise<void> {
  const { size, mtimeMs } = await stat(file)
  const key = `${cid} ${size} ${mtimeMs} ${file}`
  if (verified.has(key)) {
    return
  }
  if (size !== sizeBytes) {
    throw new ManifestError(
      `The file ${file} has ${size} bytes, its manifest says ${sizeBytes}: fetch it again`
    )
  }
  const expected = parseFileCid(cid)
  const found = expected?.code === dagPbCode ? await cidOfFile(file) : await rawCidOfFile(file)
  if (found !== expected?.toString()) {
    throw new ManifestError(`The file ${file} has the CID ${found}, its manifest says ${cid}: fetch it again`)
  }
  verified.add(key)
}

/** Of the whole file as one block, whatever its size. */
async function rawCidOfFile(file: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(file), hash)
  return cidOfDigest(hash.digest())
}
