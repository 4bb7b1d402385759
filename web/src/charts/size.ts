import { onMounted, onScopeDispose, ref, type Ref } from 'vue'

/** The size of an element's content box, kept true: canvases do not follow CSS by themselves. */
export function useSize(element: Ref<HTMLElement | undefined>) {
  const width = ref(0)
  const height = ref(0)
  let observer: ResizeObserver | undefined
  onMounted(() => {
    if (!element.value || typeof ResizeObserver === 'undefined') return
    observer = new ResizeObserver(([entry]) => {
      if (!entry) return
      width.value = Math.round(entry.contentRect.width)
      height.value = Math.round(entry.contentRect.height)
    })
    observer.observe(element.value)
  })
  onScopeDispose(() => observer?.disconnect())
  return { width, height }
}
