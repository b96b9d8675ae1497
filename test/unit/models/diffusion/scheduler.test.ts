import { describe, expect, test } from 'vitest'
import {
  createScheduler,
  type Scheduler,
  type SchedulerInit
} from '../../../../models/tools/diffusion/scheduler.js'
import { ManifestError } from '../../../../src/interface/index.js'

/** The settings, sample and network with which diffusers tests its own schedulers. */
const base = {
  num_train_timesteps: 1000,
  beta_start: 0.0001,
  beta_end: 0.02,
  beta_schedule: 'linear',
  clip_sample: true
}
const size = 4 * 3 * 8 * 8
const dummySample = Float32Array.from({ length: size }, (_, index) => index / size)

function fullLoop(scheduler: Scheduler, carriesScaled = false): number {
  let sample: Float32Array = dummySample.map(value => value * scheduler.initialSigma)
  for (const [step, time] of scheduler.timesteps.entries()) {
    const shown = scheduler.input(sample, step)
    const prediction = shown.map(value => (value * time) / (time + 1))
    sample = scheduler.next(prediction, carriesScaled ? shown : sample, step)
  }
  return sample.reduce((sum, value) => sum + Math.abs(value), 0)
}

const ddim = (config: object = {}, init: Partial<SchedulerInit> = {}): Scheduler =>
  createScheduler({ config: { _class_name: 'DDIMScheduler', ...base, ...config }, steps: 10, ...init })

describe('scheduler: DDIM gives what diffusers gives', () => {
  test.each([
    ['epsilon', {}, 172.0067],
    ['v_prediction', { prediction_type: 'v_prediction' }, 52.5302],
    ['a last level of 1', { set_alpha_to_one: true, beta_start: 0.01 }, 149.8295],
    ['a last level that is not 1', { set_alpha_to_one: false, beta_start: 0.01 }, 149.0784]
  ])('%s', (_name, config, sum) => {
    expect(Math.abs(fullLoop(ddim(config)) - sum)).toBeLessThan(0.01)
  })

  test('timesteps', () => {
    expect(ddim({ steps_offset: 1 }, { steps: 5 }).timesteps).toEqual([801, 601, 401, 201, 1])
    expect(ddim({ timestep_spacing: 'trailing' }, { steps: 4 }).timesteps).toEqual([999, 749, 499, 249])
    expect(ddim({ timestep_spacing: 'linspace' }, { steps: 4 }).timesteps).toEqual([999, 666, 333, 0])
    // NumPy rounds halves to even numbers: 62.5 to 62, 187.5 to 188.
    expect(ddim({ timestep_spacing: 'trailing' }, { steps: 16 }).timesteps.slice(-3)).toEqual([187, 124, 61])
  })

  test('variance, by the noise that eta 1 adds', () => {
    // _get_variance(420, 400) and (980, 960) are 0.14771 and 0.32460 with 50 steps.
    const scheduler = ddim({ timestep_spacing: 'leading' }, { steps: 50, eta: 1 })
    const zeros = new Float32Array(1)
    for (const [time, variance] of [
      [420, 0.14771],
      [980, 0.3246]
    ]) {
      const step = scheduler.timesteps.indexOf(time ?? 0)
      expect(scheduler.addsNoise(step)).toBe(true)
      const [sigma = 0] = scheduler.next(zeros, zeros, step, Float32Array.of(1))
      expect(sigma ** 2).toBeCloseTo(variance ?? 0, 4)
    }
    expect(ddim().addsNoise(0)).toBe(false)
  })
})

describe('scheduler: Euler gives what diffusers gives', () => {
  const euler = (config: object = {}, kind?: SchedulerInit['kind']): Scheduler =>
    createScheduler({
      config: { _class_name: 'EulerDiscreteScheduler', ...base, num_train_timesteps: 1100, ...config },
      steps: 10,
      kind
    })

  test('epsilon', () => {
    expect(Math.abs(fullLoop(euler(), true) - 10.0807)).toBeLessThan(0.01)
  })

  test('v_prediction', () => {
    expect(Math.abs(fullLoop(euler({ prediction_type: 'v_prediction' }), true) - 0.0002)).toBeLessThan(0.01)
  })

  test('can stand in for the scheduler of the config', () => {
    expect(euler({ _class_name: 'PNDMScheduler' }, 'euler').timesteps[0]).toBe(1099)
    expect(euler({ _class_name: 'PNDMScheduler' }).initialSigma).toBe(1)
  })

  test('finds a picture that the network knows, as DDIM does', () => {
    const config = { ...base, prediction_type: 'sample', clip_sample: false, timestep_spacing: 'trailing' }
    for (const kind of ['ddim', 'euler'] as const) {
      const scheduler = createScheduler({ config, kind, steps: 20 })
      let sample: Float32Array = Float32Array.of(0.7 * scheduler.initialSigma, -1.3 * scheduler.initialSigma)
      const known = Float32Array.of(0.25, -0.75)
      for (const step of scheduler.timesteps.keys()) {
        sample = scheduler.next(known, sample, step)
      }
      expect(sample[0]).toBeCloseTo(0.25, 2)
      expect(sample[1]).toBeCloseTo(-0.75, 2)
    }
  })
})

describe('scheduler: DDPM', () => {
  const ddpm = (config: object = {}, steps = 1000): Scheduler =>
    createScheduler({ config: { _class_name: 'DDPMScheduler', ...base, ...config }, steps })
  const sigmaAt = (scheduler: Scheduler, time: number): number => {
    const zeros = new Float32Array(1)
    return scheduler.next(zeros, zeros, scheduler.timesteps.indexOf(time), Float32Array.of(1))[0] ?? 0
  }

  test('adds the noise that diffusers adds', () => {
    expect(sigmaAt(ddpm(), 487) ** 2).toBeCloseTo(0.00979, 5)
    expect(sigmaAt(ddpm(), 999) ** 2).toBeCloseTo(0.02, 5)
    expect(sigmaAt(ddpm(), 0)).toBe(0)
    expect(sigmaAt(ddpm({ variance_type: 'fixed_large' }), 999) ** 2).toBeCloseTo(0.02, 5)
    expect(ddpm().addsNoise(998)).toBe(true)
    expect(ddpm().addsNoise(999)).toBe(false)
  })

  test('steps as DDIM does with as much noise', () => {
    const config = { ...base, clip_sample: false }
    const other = createScheduler({ config, kind: 'ddim', steps: 10, eta: 1 })
    const scheduler = createScheduler({ config, kind: 'ddpm', steps: 10 })
    const [prediction, sample, noise] = [Float32Array.of(0.3), Float32Array.of(-0.8), Float32Array.of(1.1)]
    for (const step of scheduler.timesteps.keys()) {
      const [found = 0] = scheduler.next(prediction, sample, step, noise)
      expect(found).toBeCloseTo(other.next(prediction, sample, step, noise)[0] ?? Number.NaN, 5)
    }
  })

  test('cuts the picture that it expects to the range it was trained on', () => {
    const [cut = 0] = ddpm({ clip_sample: true }, 10).next(Float32Array.of(-500), Float32Array.of(0), 9)
    expect(cut).toBe(1)
    const [uncut = 0] = ddpm({ clip_sample: false }, 10).next(Float32Array.of(-500), Float32Array.of(0), 9)
    expect(uncut).toBeGreaterThan(4)
  })
})

describe('scheduler: configs', () => {
  test.each([
    ['an unknown scheduler', { config: { _class_name: 'UniPCMultistepScheduler' }, steps: 10 }],
    ['more steps than trained', { config: { ...base, num_train_timesteps: 10 }, steps: 11 }],
    ['an unknown schedule of noise', { config: { ...base, beta_schedule: 'sigmoid' }, steps: 10 }],
    ['dynamic thresholding', { config: { ...base, thresholding: true }, steps: 10 }],
    [
      'learned variance',
      { config: { ...base, _class_name: 'DDPMScheduler', variance_type: 'learned' }, steps: 9 }
    ],
    ['betas of another number', { config: { ...base, trained_betas: [0.1, 0.2] }, steps: 1 }],
    ['nothing', { config: undefined, steps: 10 }]
  ])('refuses %s', (_name, init) => {
    expect(() => createScheduler(init)).toThrow(ManifestError)
  })

  test('knows the cosine schedule', () => {
    const config = { ...base, beta_schedule: 'squaredcos_cap_v2', timestep_spacing: 'linspace' }
    expect(() => fullLoop(createScheduler({ config, steps: 10 }))).not.toThrow()
  })
})
