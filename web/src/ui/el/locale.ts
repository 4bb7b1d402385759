// The words inside Element Plus (calendars, empty selects) in the language of the page, for the parts that have any.
// Imported by those parts only, so that a page without them does not carry two dictionaries.

import { localeContextKey } from 'element-plus/es/hooks/use-locale/index'
import en from 'element-plus/es/locale/lang/en'
import zh from 'element-plus/es/locale/lang/zh-cn'
import { computed } from 'vue'
import { holder } from '@/holder'
import { lang } from '@/i18n/core'

holder.app?.provide(
  localeContextKey,
  computed(() => (lang.value === 'zh' ? zh : en)),
)
