import { onBeforeUnmount, onMounted, type Ref } from 'vue'

/** Calls back when the person clicks anywhere but in the element. */
export function onClickOutside(element: Ref<HTMLElement | undefined>, leave: () => void): void {
  const listener = (event: Event) => {
    if (element.value && !element.value.contains(event.target as Node)) leave()
  }
  onMounted(() => document.addEventListener('pointerdown', listener))
  onBeforeUnmount(() => document.removeEventListener('pointerdown', listener))
}
