/** "Did you mean": the known name nearest to what was written. */

/** Fewest single-character insertions, deletions, replacements and swaps of neighbours that turn `a` into `b`. */
export function editDistance(a: string, b: string): number {
  let older: number[] = []
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1]
      let best = Math.min((previous[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (previous[j - 1] ?? 0) + (same ? 0 : 1))
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) best = Math.min(best, (older[j - 2] ?? 0) + 1)
      row.push(best)
    }
    older = previous
    previous = row
  }
  return previous[b.length] ?? 0
}

const plain = (text: string) => text.toLowerCase().replaceAll('-', '_')

/** The nearest of `known`, or undefined when none is near enough to be meant (a third of the letters may differ). */
export function suggest(written: string, known: Iterable<string>): string | undefined {
  const wanted = plain(written)
  let nearest: string | undefined
  let least = Math.max(1, Math.floor(wanted.length / 3)) + 1
  for (const candidate of known) {
    if (Math.abs(candidate.length - wanted.length) >= least) continue
    const distance = editDistance(wanted, plain(candidate))
    if (distance < least) [nearest, least] = [candidate, distance]
  }
  return nearest
}

const SHOWN = 12

/** `; did you mean "prod"? (prod, staging)` to put behind a message about an unknown name. */
export function meant(written: string, known: Iterable<string>): string {
  const names = [...known]
  const near = suggest(written, names)
  const list = names.length > SHOWN ? `${names.slice(0, SHOWN).join(', ')} and ${names.length - SHOWN} more` : names.join(', ')
  if (near === undefined) return list && `; known: ${list}`
  return `; did you mean "${near}"?${names.length > 1 ? ` (${list})` : ''}`
}
