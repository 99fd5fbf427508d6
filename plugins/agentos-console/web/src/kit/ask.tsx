// Questions before what cannot be undone: `if (await ask({…})) …`.
import { signal } from '@preact/signals'
import type { ComponentChildren, VNode } from 'preact'
import { Button } from './Button'
import { Dialog } from './Dialog'

interface Question {
  title: string
  text: ComponentChildren
  /** What the button says that does it: a verb, as "Delete". */
  confirm: string
  danger?: boolean
}

const open = signal<(Question & { answer: (yes: boolean) => void }) | null>(null)

/** Asks, and returns whether the person wants it. */
export function ask(question: Question): Promise<boolean> {
  return new Promise(resolve => {
    open.value?.answer(false)
    const answer = (yes: boolean): void => {
      open.value = null
      resolve(yes)
    }
    open.value = { ...question, answer }
  })
}

/** Where questions appear; once, in the shell. */
export function Questions(): VNode | null {
  const question = open.value
  if (question === null) return null
  return (
    <Dialog
      key={question.title}
      title={question.title}
      onClose={() => question.answer(false)}
      actions={
        <>
          <Button autofocus onClick={() => question.answer(false)}>Cancel</Button>
          <Button kind={question.danger ? 'plain' : 'primary'} danger={question.danger ?? false} onClick={() => question.answer(true)}>{question.confirm}</Button>
        </>
      }
    >
      {question.text}
    </Dialog>
  )
}
