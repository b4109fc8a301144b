/** Arithmetic on ranges of bytes. */

/** From `start` up to `end`, which is not part of it. */
export interface Span {
  start: number
  end: number
}

/** In order, those that overlap or have at most `gap` bytes between them as one. */
export function joinSpans(spans: readonly Span[], gap = 0): Span[] {
  const joined: Span[] = []
  for (const span of [...spans].sort((a, b) => a.start - b.start)) {
    const last = joined.at(-1)
    if (last && span.start <= last.end + gap) last.end = Math.max(last.end, span.end)
    else joined.push({ ...span })
  }
  return joined
}

/** What of `wanted` is not in `have`. */
export function missingSpans(wanted: readonly Span[], have: readonly Span[]): Span[] {
  const there = joinSpans(have)
  return joinSpans(wanted).flatMap(span => {
    const missing: Span[] = []
    let { start } = span
    for (const part of there) {
      if (part.end <= start || part.start >= span.end) continue
      if (part.start > start) missing.push({ start, end: part.start })
      start = Math.max(start, part.end)
    }
    if (start < span.end) missing.push({ start, end: span.end })
    return missing
  })
}

/** Cut into pieces of at most so many bytes, which are fetched beside each other. */
export const cutSpans = (spans: readonly Span[], most: number): Span[] =>
  spans.flatMap(({ start, end }) =>
    Array.from({ length: Math.ceil((end - start) / most) }, (_, i) => ({
      start: start + i * most,
      end: Math.min(end, start + (i + 1) * most),
    })),
  )
