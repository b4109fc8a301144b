/** What there is to say of a thing, name by name. */
import type { ComponentChildren } from 'preact'
import { Text } from './words.tsx'

export const Facts = ({ children }: { children: ComponentChildren }) => <dl class="facts">{children}</dl>

/** Nothing where there is nothing to say. */
export const Fact = ({ name, children }: { name: string; children: ComponentChildren }) =>
  children ? (
    <div>
      <dt>{name}</dt>
      <dd>{typeof children === 'string' ? <Text of={children} max={300} /> : children}</dd>
    </div>
  ) : null
