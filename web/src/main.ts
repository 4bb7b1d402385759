import { VueQueryPlugin } from '@tanstack/vue-query'
import { createApp } from 'vue'
import App from './App.vue'
import { lang, setLang } from './i18n/core'
import { router } from './router'
import { queries } from './session'
import './styles/tokens.css'
import './styles/base.css'

setLang(lang.value)
createApp(App).use(VueQueryPlugin, { queryClient: queries }).use(router).mount('#app')
