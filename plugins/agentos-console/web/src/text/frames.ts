// One moment per frame in which everything that changed is written to the page.

type Work = () => boolean | void

const waiting = new Set<Work>()
let asked = false

/** Call `work` in the next frame, once; while it returns true, in the frames after it too. Nothing is written while the
 * tab is hidden: no frame comes then. */
export function inNextFrame(work: Work): void {
  waiting.add(work)
  if (!asked) {
    asked = true
    requestAnimationFrame(run)
  }
}

export const forget = (work: Work): void => void waiting.delete(work)

function run(): void {
  asked = false
  const now = [...waiting]
  waiting.clear()
  const start = performance.now()
  for (const work of now) {
    // What does not fit in this frame has the next one.
    if (performance.now() - start > 10 || work()) inNextFrame(work)
  }
}

let spent = 0

/** Begin the work at once where this task has time left, and finish it in the frames that follow. */
export function now(work: Work): void {
  if (spent > 10) return inNextFrame(work)
  if (spent === 0) inNextFrame(() => void (spent = 0))
  const start = performance.now()
  const more = work()
  spent += Math.max(performance.now() - start, 0.01)
  if (more) inNextFrame(work)
}
