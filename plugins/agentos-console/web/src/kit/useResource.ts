// Loading what a view shows: at first, when its inputs change, now and then, and when the server is back.
import { useCallback, useEffect, useRef, useState } from 'preact/hooks'
import { restored } from '../app/connection'
import { client } from '../app/session'
import { isAbort } from './errors'

export interface Resource<T> {
  data: T | undefined
  error: unknown
  loading: boolean
  refresh: () => Promise<void>
  /** Puts in what is known already, as the answer to a change. */
  set: (data: T) => void
}

interface Options {
  /** Seconds after which it is loaded again, while the page can be seen. */
  every?: number | undefined
}

/** Loads something. What was loaded stays in view while it is loaded again, also when that fails. */
export function useResource<T>(load: (signal: AbortSignal) => Promise<T>, inputs: readonly unknown[], { every }: Options = {}): Resource<T> {
  const [state, setState] = useState<{ key: string; data: T | undefined; error: unknown; loading: boolean }>({ key: '', data: undefined, error: undefined, loading: true })
  const latest = useRef(load)
  latest.current = load
  const running = useRef<AbortController | null>(null)
  const key = JSON.stringify(inputs)
  const back = restored.value

  const refresh = useCallback(async () => {
    running.current?.abort()
    const control = (running.current = new AbortController())
    setState(before => ({ key, data: before.key === key ? before.data : undefined, error: before.key === key ? before.error : undefined, loading: true }))
    try {
      const data = await latest.current(control.signal)
      if (!control.signal.aborted) setState({ key, data, error: undefined, loading: false })
    } catch (error) {
      if (!control.signal.aborted && !isAbort(error)) setState(before => ({ ...before, error, loading: false }))
    }
  }, [key])

  useEffect(() => {
    void refresh()
    return () => running.current?.abort()
  }, [refresh, back])

  useEffect(() => {
    if (every === undefined) return
    const timer = setInterval(() => {
      if (!document.hidden) void refresh()
    }, every * 1000)
    const onShow = (): void => {
      if (!document.hidden) void refresh()
    }
    document.addEventListener('visibilitychange', onShow)
    return () => {
      clearInterval(timer)
      document.removeEventListener('visibilitychange', onShow)
    }
  }, [refresh, every])

  // What belongs to the inputs of before is never shown for those of now.
  const current = state.key === key
  return {
    data: current ? state.data : undefined,
    error: current ? state.error : undefined,
    loading: current ? state.loading : true,
    refresh,
    set: data => setState({ key, data, error: undefined, loading: false }),
  }
}

type Query = Record<string, string | number | boolean | undefined>

/** Loads one answer of the API. */
export function useGet<T>(path: string, query: Query = {}, options: Options = {}): Resource<T> {
  return useResource<T>(async signal => (await client().request<T>('GET', path, { query, signal })).data, [path, query], options)
}

export interface Listing<T> {
  items: readonly T[] | undefined
  error: unknown
  loading: boolean
  /** Loads the next page; undefined at the end. */
  more: (() => Promise<void>) | undefined
  loadingMore: boolean
  refresh: () => Promise<void>
  change: (change: (items: readonly T[]) => readonly T[]) => void
}

interface Pages<T> {
  items: readonly T[]
  next: string | null
}

/** Loads a paged list; `name` is where its items are: `runs`. A refresh loads as much as is shown, up to a bound. */
export function useList<T>(path: string, name: string, query: Query = {}, options: Options & { size?: number } = {}): Listing<T> {
  const size = options.size ?? 50
  const shown = useRef(size)
  const key = JSON.stringify([path, query])
  const shownFor = useRef(key)
  if (shownFor.current !== key) {
    shownFor.current = key
    shown.current = size
  }
  const [loadingMore, setLoadingMore] = useState(false)
  const page = async (limit: number, cursor: string | null, signal?: AbortSignal): Promise<Pages<T>> => {
    const asked = { ...query, limit, ...(cursor === null ? {} : { cursor }) }
    const { data } = await client().request<Record<string, unknown>>('GET', path, { query: asked, ...(signal ? { signal } : {}) })
    return { items: data[name] as T[], next: typeof data['next_cursor'] === 'string' ? data['next_cursor'] : null }
  }
  const found = useResource<Pages<T>>(signal => page(Math.min(200, shown.current), null, signal), [path, name, query], options)
  const { data, set } = found
  const more = async (): Promise<void> => {
    if (!data || data.next === null || loadingMore) return
    setLoadingMore(true)
    try {
      const following = await page(size, data.next)
      shown.current = data.items.length + following.items.length
      set({ items: [...data.items, ...following.items], next: following.next })
    } finally {
      setLoadingMore(false)
    }
  }
  return {
    items: data?.items,
    error: found.error,
    loading: found.loading,
    more: data?.next == null ? undefined : more,
    loadingMore,
    refresh: found.refresh,
    change: change => data && set({ ...data, items: change(data.items) }),
  }
}
