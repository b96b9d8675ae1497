import { z } from 'zod'
import { ManifestError } from '../../../src/interface/index.js'
import { cosineOfTurn } from '../exact-math.js'

/** What is known of a `scheduler_config.json`; further fields are left to other programs. Defaults: those of diffusers. */
const configSchema = z.object({
  _class_name: z.string().default('DDIMScheduler'),
  num_train_timesteps: z.int().min(1).max(10_000).default(1000),
  beta_start: z.number().min(0).max(1).default(0.0001),
  beta_end: z.number().min(0).max(1).default(0.02),
  beta_schedule: z.enum(['linear', 'scaled_linear', 'squaredcos_cap_v2']).default('linear'),
  trained_betas: z.array(z.number().min(0).max(1)).nullish(),
  prediction_type: z.enum(['epsilon', 'v_prediction', 'sample']).default('epsilon'),
  clip_sample: z.boolean().optional(),
  clip_sample_range: z.number().positive().default(1),
  set_alpha_to_one: z.boolean().default(true),
  steps_offset: z.int().min(0).max(10_000).default(0),
  timestep_spacing: z.enum(['leading', 'trailing', 'linspace']).optional(),
  variance_type: z.string().optional(),
  thresholding: z.literal(false, 'dynamic thresholding is not supported').optional(),
  rescale_betas_zero_snr: z.literal(false, 'rescaled betas are not supported').optional(),
  use_karras_sigmas: z.literal(false, "Karras' sigmas are not supported").optional()
})

export type SchedulerConfig = z.infer<typeof configSchema>

/** Throws ManifestError. */
export function parseSchedulerConfig(value: unknown): SchedulerConfig {
  const result = configSchema.safeParse(value)
  if (!result.success) {
    throw new ManifestError(`scheduler_config.json: ${z.prettifyError(result.error)}`)
  }
  return result.data
}

/**
 * How much of the clean picture is left at each of the training's timesteps: the product of 1 - β up to it, from nearly 1 to
 * nearly 0 (`alphas_cumprod` of diffusers).
 */
export function signalLevels(config: SchedulerConfig): Float64Array {
  let product = 1
  return Float64Array.from(betas(config), beta => {
    product *= 1 - beta
    return product
  })
}

function betas(config: SchedulerConfig): number[] {
  const {
    num_train_timesteps: count,
    beta_start: start,
    beta_end: end,
    beta_schedule,
    trained_betas
  } = config
  if (trained_betas !== undefined && trained_betas !== null) {
    if (trained_betas.length !== count) {
      throw new ManifestError(`scheduler_config.json: ${trained_betas.length} betas for ${count} timesteps`)
    }
    return trained_betas
  }
  if (beta_schedule === 'linear') {
    return evenly(start, end, count)
  }
  if (beta_schedule === 'scaled_linear') {
    return evenly(Math.sqrt(start), Math.sqrt(end), count).map(root => root * root)
  }
  return Array.from({ length: count }, (_, index) =>
    Math.min(1 - cosineLevel((index + 1) / count) / cosineLevel(index / count), 0.999)
  )
}

/** Of "Improved Denoising Diffusion Probabilistic Models" (Nichol and Dhariwal, 2021). */
function cosineLevel(time: number): number {
  const root = cosineOfTurn((time + 0.008) / 1.008 / 4)
  return root * root
}

/** `count` numbers from `from` to `to`, at equal distances. */
export function evenly(from: number, to: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) =>
    count === 1 ? from : from + ((to - from) * index) / (count - 1)
  )
}
