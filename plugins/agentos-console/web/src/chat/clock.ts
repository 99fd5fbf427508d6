// The time, once a second, for what is under way.
import { signal } from '@preact/signals'

export const clock = signal(Date.now())

setInterval(() => {
  if (!document.hidden) clock.value = Date.now()
}, 1000)
