// A page without a browser, for what writes into one. Import it first.
import { JSDOM } from 'jsdom'

export const page = new JSDOM('<!doctype html><body></body>', { url: 'https://console.example/' })
const { window } = page
Object.assign(globalThis, {
  window,
  document: window.document,
  ...{ Node: window.Node, Text: window.Text, HTMLElement: window.HTMLElement, DocumentFragment: window.DocumentFragment },
  ...{ requestAnimationFrame: (callback: (time: number) => void) => setTimeout(() => callback(performance.now()), 1) },
})
