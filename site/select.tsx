/** One choice of a filter. */
import { oneLine } from '../shared/format.ts'

interface SelectProps {
  label: string
  value: string
  options: readonly (readonly [value: string, words: string])[]
  choose(value: string): void
  /** Not on a phone, unless it is set. */
  minor?: boolean | undefined
}

/** Without an option for nothing, that is `all`. */
export const Select = ({ label, value, options, choose, minor }: SelectProps) => (
  <label class={minor && !value ? 'minor' : ''}>
    <span>{label}</span>
    <select value={value} onChange={event => choose(event.currentTarget.value)}>
      {options[0]?.[0] !== '' && <option value="">all</option>}
      {options.map(([key, words]) => (
        <option key={key} value={key}>
          {oneLine(words, 80)}
        </option>
      ))}
    </select>
  </label>
)
