import { ManifestError } from '../../../src/interface/index.js'
import { evenly, parseSchedulerConfig, type SchedulerConfig, signalLevels } from './noise-levels.js'
import { type Spacing, timestepsOf } from './timesteps.js'

/**
 * Turns the predictions of a diffusion network into a picture, step by step: the arithmetic of diffusers' DDIM, DDPM and
 * Euler schedulers (https://github.com/huggingface/diffusers). All of it is IEEE double arithmetic without calls whose last
 * bits a machine may choose, so equal predictions give equal pictures everywhere.
 */
export interface Scheduler {
  /** What the network is told, one a step, the noisiest first. Fractions only with `euler`. */
  readonly timesteps: readonly number[]
  /** The standard deviation of the noise to begin with. */
  readonly initialSigma: number
  /** Whether a step adds noise of its own. */
  addsNoise(step: number): boolean
  /** What the network is shown of the sample at a step. */
  input(sample: Float32Array, step: number): Float32Array
  /** The next sample. `noise`: standard normal, as many numbers, where `addsNoise(step)`. */
  next(prediction: Float32Array, sample: Float32Array, step: number, noise?: Float32Array): Float32Array
}

export type SchedulerKind = 'ddim' | 'ddpm' | 'euler'

export interface SchedulerInit {
  /** The contents of `scheduler_config.json`. */
  config: unknown
  /** Default: what the config's `_class_name` says; its PNDM becomes DDIM, which has the same noise levels. */
  kind?: SchedulerKind | undefined
  /** How often the network is asked. */
  steps: number
  /** DDIM's: 0 adds no noise, 1 as much as DDPM. Default 0. */
  eta?: number | undefined
}

const kinds: Record<string, SchedulerKind> = {
  DDIMScheduler: 'ddim',
  PNDMScheduler: 'ddim',
  DDPMScheduler: 'ddpm',
  EulerDiscreteScheduler: 'euler'
}

/** Throws ManifestError for a config that it does not take. */
export function createScheduler({ config: value, kind, steps, eta = 0 }: SchedulerInit): Scheduler {
  const config = parseSchedulerConfig(value)
  const chosen = kind ?? kinds[config._class_name]
  if (chosen === undefined) {
    throw new ManifestError(
      `The scheduler ${config._class_name} is not supported: set "scheduler" to ddim, ddpm or euler`
    )
  }
  if (steps > config.num_train_timesteps) {
    throw new ManifestError(`${steps} steps are more than the ${config.num_train_timesteps} trained ones`)
  }
  return chosen === 'euler' ? euler(config, steps) : diffusion(config, steps, chosen, eta)
}

/** The clean sample and the noise that a prediction means. */
type Meaning = (predicted: number, sample: number) => { clean: number; noise: number }

function meaning(type: SchedulerConfig['prediction_type'], level: number): Meaning {
  const [signal, disturbance] = [Math.sqrt(level), Math.sqrt(1 - level)]
  switch (type) {
    case 'epsilon':
      return (predicted, sample) => ({ clean: (sample - disturbance * predicted) / signal, noise: predicted })
    case 'sample':
      return (predicted, sample) => ({ clean: predicted, noise: (sample - signal * predicted) / disturbance })
    case 'v_prediction':
      return (predicted, sample) => ({
        clean: signal * sample - disturbance * predicted,
        noise: signal * predicted + disturbance * sample
      })
  }
}

function diffusion(config: SchedulerConfig, steps: number, kind: 'ddim' | 'ddpm', eta: number): Scheduler {
  const levels = signalLevels(config)
  const spacing: Spacing = config.timestep_spacing ?? 'leading'
  const timesteps = timestepsOf(config, spacing, steps)
  const distance = Math.floor(config.num_train_timesteps / steps)
  // DDPM always ends in a clean picture.
  const finalLevel = kind === 'ddpm' || config.set_alpha_to_one ? 1 : levelAt(levels, 0)
  const clip = (config.clip_sample ?? true) ? config.clip_sample_range : Number.POSITIVE_INFINITY

  const plans = timesteps.map(time => {
    const level = levelAt(levels, time)
    const before = time - distance >= 0 ? levelAt(levels, time - distance) : finalLevel
    const read = meaning(config.prediction_type, level)
    const plan = kind === 'ddim' ? ddimPlan(level, before, eta) : ddpmPlan(level, before, config, time)
    return { ...plan, read }
  })
  const planOf = (step: number): (typeof plans)[number] => {
    const plan = plans[step]
    if (plan === undefined) {
      throw new RangeError(`There is no step ${step} of ${steps}`)
    }
    return plan
  }
  return {
    timesteps,
    initialSigma: 1,
    addsNoise: step => planOf(step).sigma > 0,
    input: sample => sample,
    next(prediction, sample, step, added) {
      const { ofClean, ofNoise, ofSample, sigma, read } = planOf(step)
      return sample.map((value, index) => {
        const { clean, noise } = read(prediction[index] ?? 0, value)
        const clipped = Math.max(-clip, Math.min(clip, clean))
        const fresh = sigma > 0 ? sigma * (added?.[index] ?? 0) : 0
        return ofClean * clipped + ofNoise * noise + ofSample * value + fresh
      })
    }
  }
}

/** How the next sample is mixed. */
interface Plan {
  ofClean: number
  ofNoise: number
  ofSample: number
  /** Standard deviation of the noise that is added. */
  sigma: number
}

/** Formula 12 of "Denoising Diffusion Implicit Models" (Song, Meng and Ermon, 2020). */
function ddimPlan(level: number, before: number, eta: number): Plan {
  const variance = ((1 - before) / (1 - level)) * (1 - level / before)
  const sigma = eta * Math.sqrt(variance)
  return {
    ofClean: Math.sqrt(before),
    ofNoise: Math.sqrt(1 - before - sigma * sigma),
    ofSample: 0,
    sigma
  }
}

/** Formulas 6 and 7 of "Denoising Diffusion Probabilistic Models" (Ho, Jain and Abbeel, 2020). */
function ddpmPlan(level: number, before: number, { variance_type }: SchedulerConfig, time: number): Plan {
  const [alpha, beta] = [level / before, 1 - level / before]
  const small = Math.max(((1 - before) / (1 - level)) * beta, 1e-20)
  if (
    variance_type !== undefined &&
    !['fixed_small', 'fixed_small_log', 'fixed_large'].includes(variance_type)
  ) {
    throw new ManifestError(`scheduler_config.json: the variance type ${variance_type} is not supported`)
  }
  return {
    ofClean: (Math.sqrt(before) * beta) / (1 - level),
    ofNoise: 0,
    ofSample: (Math.sqrt(alpha) * (1 - before)) / (1 - level),
    sigma: time === 0 ? 0 : Math.sqrt(variance_type === 'fixed_large' ? beta : small)
  }
}

/** Euler's method on the probability flow ("Elucidating the Design Space", Karras et al., 2022), without churn. */
function euler(config: SchedulerConfig, steps: number): Scheduler {
  const spread = Array.from(signalLevels(config), level => Math.sqrt((1 - level) / level))
  const spacing: Spacing = config.timestep_spacing ?? 'linspace'
  const timesteps =
    spacing === 'linspace'
      ? evenly(0, config.num_train_timesteps - 1, steps).toReversed()
      : timestepsOf(config, spacing, steps)
  const sigmas = [...timesteps.map(time => interpolated(spread, time)), 0]
  const sigmaAt = (step: number): number => levelAt(sigmas, step)
  const highest = Math.max(...sigmas)
  return {
    timesteps,
    initialSigma: spacing === 'leading' ? Math.sqrt(highest * highest + 1) : highest,
    addsNoise: () => false,
    input(sample, step) {
      const sigma = sigmaAt(step)
      return sample.map(value => value / Math.sqrt(sigma * sigma + 1))
    },
    next(prediction, sample, step) {
      const sigma = sigmaAt(step)
      const change = sigmaAt(step + 1) - sigma
      const scale = sigma * sigma + 1
      return sample.map((value, index) => {
        const predicted = prediction[index] ?? 0
        switch (config.prediction_type) {
          case 'epsilon':
            return value + predicted * change
          case 'sample':
            return value + ((value - predicted) / sigma) * change
          case 'v_prediction': {
            const clean = value / scale - (predicted * sigma) / Math.sqrt(scale)
            return value + ((value - clean) / sigma) * change
          }
        }
      })
    }
  }
}

function levelAt(values: ArrayLike<number>, index: number): number {
  const value = values[index]
  if (value === undefined) {
    throw new RangeError(`There is no entry ${index} of ${values.length}`)
  }
  return value
}

function interpolated(values: number[], place: number): number {
  const low = Math.min(Math.floor(place), values.length - 1)
  const high = Math.min(low + 1, values.length - 1)
  return levelAt(values, low) + (levelAt(values, high) - levelAt(values, low)) * (place - low)
}
