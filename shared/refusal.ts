/** What a reader of a user's text answers when it cannot accept it: why, and what to write, without the text's place. */
export interface Refusal {
  refused: string
}
export const refuse = (refused: string): Refusal => ({ refused })
