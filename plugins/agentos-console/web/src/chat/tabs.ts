// Tabs of one browser tell each other that something happens in a session, so that they look at once. Nothing of the
// session itself is sent, only its id.

const channel = typeof BroadcastChannel === 'undefined' ? null : new BroadcastChannel('agentos.sessions')

export function tellTabs(sessionId: string | null): void {
  if (sessionId !== null) channel?.postMessage(sessionId)
}

export function onTold(heard: (sessionId: string) => void): () => void {
  const listener = ({ data }: MessageEvent): void => {
    if (typeof data === 'string') heard(data)
  }
  channel?.addEventListener('message', listener)
  return () => channel?.removeEventListener('message', listener)
}
