interface KnownCause {
  cases: RegExp
  reason: RegExp
  cause: string
}

/** Seen with onnxruntime 1.30 on the cases of ONNX 1.12. Each names a pattern of its case and of what went wrong. */
const causes: KnownCause[] = [
  {
    cases: /strnorm/u,
    reason: /locale/u,
    cause:
      'ONNX Runtime needs the locale en_US.UTF-8 for StringNormalizer, and this machine has none (Debian: package locales)'
  },
  {
    cases: /FLOAT_to_STRING/u,
    reason: /instead of/u,
    cause: 'ONNX Runtime writes more digits of a float than numpy does; the number is the same'
  },
  {
    cases: /dft|stft/u,
    reason: /instead of 0$/u,
    cause: 'a sum of float32 that cancels out; ONNX asks for 0 to 1e-7, which ONNX Runtime does not reach'
  },
  {
    cases: /resize_downsample_scales_(cubic|linear)_align_corners/u,
    reason: /instead of/u,
    cause: 'ONNX Runtime rounds the size of the output otherwise; its own test list leaves the case out'
  },
  {
    cases: /maxunpool_export_with_output_shape/u,
    reason: /instead of/u,
    cause:
      "ONNX Runtime's MaxUnpool differs where output_shape is given; its own test list leaves the case out"
  }
]

/** Why a case fails that is known to fail; undefined for any other. */
export function knownCause(name: string, reason: string): string | undefined {
  return causes.find(known => known.cases.test(name) && known.reason.test(reason))?.cause
}
