import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePorts, type Service, startService, waitForLog } from './processes.js'

const READY_TIMEOUT_MS = 60_000
/** Debian's own Python, for which setup.sh installs Celery; another may come first on the path. */
export const python = '/usr/bin/python3'
/** Where Debian has the scripts that do not change the user. */
export const rabbitmqServer = '/usr/lib/rabbitmq/bin/rabbitmq-server'

/** Broker, result store and worker of Celery, each a process, on free ports of the loopback interface. */
export interface CeleryServices {
  /** For Python programs that are to use them. */
  environment: NodeJS.ProcessEnv
  /** The folder of the Python programs. */
  sources: string
  stop(): Promise<void>
}

/** Starts them with their data in `dir`, or undoes what was started and throws; also if it is aborted. */
export async function startServices(dir: string, signal: AbortSignal): Promise<CeleryServices> {
  const services: Service[] = []
  const stop = async (): Promise<void> => {
    for (const service of services.reverse()) await service.stop()
  }
  try {
    const [amqpPort = 0, distPort = 0, epmdPort = 0, redisPort = 0] = await freePorts(4)
    const redis = await startRedis(join(dir, 'redis'), redisPort, signal)
    services.push(redis)
    services.push(...(await startRabbitmq(join(dir, 'rabbitmq'), { amqpPort, distPort, epmdPort }, signal)))

    const environment = {
      ...process.env,
      BENCH_BROKER: `amqp://guest:guest@127.0.0.1:${amqpPort}//`,
      BENCH_BACKEND: `redis://127.0.0.1:${redisPort}/0`,
      PYTHONDONTWRITEBYTECODE: '1'
    }
    // The program runs from dist/, the Python sources stay where they are.
    const sources = fileURLToPath(new URL('../../../bench/celery', import.meta.url))
    const worker = startService(
      python,
      ['-m', 'celery', '-A', 'tasks', 'worker', '--pool', 'solo', '--concurrency', '1', '--loglevel', 'INFO'],
      { cwd: sources, env: environment }
    )
    services.push(worker)
    await waitForLog(worker, ' ready.', READY_TIMEOUT_MS, signal)
    return { environment, sources, stop }
  } catch (err) {
    await stop()
    throw err
  }
}

/** Results are in the append-only file, synced each second: Redis' own durable setting. */
async function startRedis(dir: string, port: number, signal: AbortSignal): Promise<Service> {
  await mkdir(dir, { recursive: true })
  const redis = startService(
    'redis-server',
    [
      '--port',
      `${port}`,
      '--bind',
      '127.0.0.1',
      '--dir',
      dir,
      '--appendonly',
      'yes',
      '--appendfsync',
      'everysec',
      '--save',
      ''
    ],
    { cwd: dir }
  )
  try {
    await waitForLog(redis, 'Ready to accept connections', READY_TIMEOUT_MS, signal)
  } catch (err) {
    await redis.stop()
    throw err
  }
  return redis
}

/** RabbitMQ and Erlang's port mapper, which it would leave running if it started it itself. */
async function startRabbitmq(
  dir: string,
  ports: { amqpPort: number; distPort: number; epmdPort: number },
  signal: AbortSignal
): Promise<Service[]> {
  await mkdir(dir, { recursive: true })
  const config = join(dir, 'rabbitmq.conf')
  await writeFile(
    config,
    `listeners.tcp.1 = 127.0.0.1:${ports.amqpPort}\nlog.console = true\nlog.console.level = info\n`
  )
  const cookie = join(dir, '.erlang.cookie')
  await writeFile(cookie, `bench${process.pid}`)
  await chmod(cookie, 0o400)
  const env = {
    ...process.env,
    HOME: dir,
    ERL_EPMD_PORT: `${ports.epmdPort}`,
    ERL_EPMD_ADDRESS: '127.0.0.1',
    RABBITMQ_NODENAME: `bench${process.pid}@localhost`,
    RABBITMQ_DIST_PORT: `${ports.distPort}`,
    RABBITMQ_CONFIG_FILE: config,
    RABBITMQ_MNESIA_BASE: join(dir, 'data'),
    RABBITMQ_LOG_BASE: join(dir, 'log'),
    RABBITMQ_LOGS: '-',
    RABBITMQ_PID_FILE: join(dir, 'pid'),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(dir, 'enabled_plugins'),
    RABBITMQ_GENERATED_CONFIG_DIR: join(dir, 'config'),
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '-kernel inet_dist_use_interface {127,0,0,1}'
  }
  const mapper = startService('epmd', ['-address', '127.0.0.1', '-port', `${ports.epmdPort}`], {
    cwd: dir,
    env
  })
  const broker = startService(rabbitmqServer, [], { cwd: dir, env })
  try {
    await waitForLog(broker, 'Server startup complete', READY_TIMEOUT_MS, signal)
  } catch (err) {
    await broker.stop()
    await mapper.stop()
    throw err
  }
  return [mapper, broker]
}
