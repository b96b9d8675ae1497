import type { SchedulerConfig } from './noise-levels.js'
import { evenly } from './noise-levels.js'

export type Spacing = NonNullable<SchedulerConfig['timestep_spacing']>

/** The training's timesteps at which a picture is denoised, the noisiest first, as diffusers picks them. */
export function timestepsOf(config: SchedulerConfig, spacing: Spacing, count: number): number[] {
  const { num_train_timesteps: all, steps_offset: offset } = config
  const last = all - 1
  switch (spacing) {
    case 'linspace':
      return evenly(0, last, count).map(roundHalfEven).toReversed()
    case 'leading': {
      const step = Math.floor(all / count)
      return Array.from({ length: count }, (_, index) => Math.min((count - 1 - index) * step + offset, last))
    }
    case 'trailing':
      return Array.from({ length: count }, (_, index) => roundHalfEven(all - (index * all) / count) - 1)
  }
}

/** NumPy's: a half goes to the even neighbour. */
export function roundHalfEven(value: number): number {
  const low = Math.floor(value)
  const rest = value - low
  return rest > 0.5 || (rest === 0.5 && low % 2 === 1) ? low + 1 : low
}
