import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { access, constants, mkdir } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import type { Contender, StreamOutcome } from '../contender.js'
import { startService } from './processes.js'
import { python, rabbitmqServer, startServices } from './services.js'

const WARM_UP_JOBS = 300
const run = promisify(execFile)

/** Versions of what it is made of. */
export interface CeleryVersions {
  celery: string
  rabbitmq: string
  redis: string
}

/** What is installed; undefined if anything is missing. */
export async function celeryVersions(): Promise<CeleryVersions | undefined> {
  try {
    await access(rabbitmqServer, constants.X_OK)
    const [celery, redis, rabbitmq] = await Promise.all([
      run(python, ['-c', 'import celery, redis; print(celery.__version__)']),
      run('redis-server', ['--version']),
      run('dpkg-query', ['-W', '-f', '${Version}', 'rabbitmq-server'])
    ])
    return {
      celery: celery.stdout.trim(),
      rabbitmq: rabbitmq.stdout.trim().split('-')[0] ?? '',
      redis: /v=([\d.]+)/.exec(redis.stdout)?.[1] ?? ''
    }
  } catch {
    // One of them is not there, which is an answer.
    return undefined
  }
}

/** Celery with RabbitMQ and Redis: one solo worker, and one client that sends and waits. */
export async function startCelery(dir: string, signal: AbortSignal): Promise<Contender<undefined>> {
  await mkdir(dir, { recursive: true })
  const services = await startServices(dir, signal)
  const client = startService(python, ['client.py'], { cwd: services.sources, env: services.environment })
  const { stdin, stdout } = client.child
  if (stdin === null || stdout === null) throw new Error('A client without pipes')
  const lines = createInterface({ input: stdout })

  async function ask<Reply>(request: object): Promise<Reply> {
    stdin?.write(`${JSON.stringify(request)}\n`)
    const ended = once(client.child, 'close').then(() => {
      throw new Error(`The client of Celery ended: ${client.log().slice(-500)}`)
    })
    const [line] = (await Promise.race([once(lines, 'line'), ended])) as [string]
    return JSON.parse(line) as Reply
  }

  const contender: Contender<undefined> = {
    roundTrips: count => ask<number[]>({ kind: 'round-trips', count }),
    stream: init => ask<StreamOutcome>({ kind: 'stream', ...init }),
    report: async () => undefined,
    async stop() {
      await client.stop()
      await services.stop()
    }
  }
  try {
    signal.throwIfAborted()
    await contender.stream({ seconds: 60, jobs: WARM_UP_JOBS, inFlight: WARM_UP_JOBS })
    return contender
  } catch (err) {
    await contender.stop()
    throw err
  }
}
