/** A table with its head; it scrolls within its frame where it is too wide for the screen. On a phone its rows are paragraphs. */
import type { ComponentChildren } from 'preact'
import { useLayoutEffect, useRef } from 'preact/hooks'

/** Title, and classes where it has any: `number`, `minor` (not on a phone), `told` (with its title in each row there). */
type Column = string | readonly [title: string, classes: string]

interface TableProps {
  columns: readonly (Column | false | undefined)[]
  /** For those who do not see it; not needed right below a heading. */
  caption?: string
  class?: string
  children: ComponentChildren
}

export function Table({ columns, caption, class: classes, children }: TableProps) {
  const table = useRef<HTMLTableElement>(null)
  const heads = columns.flatMap(column => (column ? [typeof column === 'string' ? ([column, ''] as const) : column] : []))
  useLayoutEffect(() => {
    for (const row of table.current?.tBodies[0]?.rows ?? [])
      for (const cell of row.cells) {
        const [title = '', of = ''] = heads[cell.cellIndex] ?? []
        if (of.includes('told')) cell.dataset.title = title
      }
  })
  return (
    <div class="scroll">
      <table class={classes} ref={table}>
        {caption && <caption class="hidden">{caption}</caption>}
        <thead>
          <tr>
            {heads.map(([title, of]) => (
              <th scope="col" key={title} class={of}>
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  )
}
