/** A table with its head; it scrolls within its frame where it is too wide for the screen. */
import type { ComponentChildren } from 'preact'

/** Title, and classes where it has any: `number`, `minor` (not on a phone). */
type Column = string | readonly [title: string, classes: string]

interface TableProps {
  columns: readonly (Column | false | undefined)[]
  /** For those who do not see it; not needed right below a heading. */
  caption?: string
  class?: string
  children: ComponentChildren
}

export const Table = ({ columns, caption, class: classes, children }: TableProps) => (
  <div class="scroll">
    <table class={classes}>
      {caption && <caption class="hidden">{caption}</caption>}
      <thead>
        <tr>
          {columns.map(column => {
            if (!column) return null
            const [title, of] = typeof column === 'string' ? [column] : column
            return (
              <th scope="col" key={title} class={of}>
                {title}
              </th>
            )
          })}
        </tr>
      </thead>
      <tbody>{children}</tbody>
    </table>
  </div>
)
