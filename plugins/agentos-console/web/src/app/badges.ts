// Numbers beside the navigation: a view's module sets its own, as the approvals that wait.
import { signal } from '@preact/signals'

export const badges = signal<Readonly<Record<string, number>>>({})

/** Sets the number beside the view of a path; 0 takes it away. */
export function setBadge(path: string, count: number): void {
  if ((badges.value[path] ?? 0) !== count) badges.value = { ...badges.value, [path]: count }
}
