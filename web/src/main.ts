import { VueQueryPlugin } from '@tanstack/vue-query'
import { createApp } from 'vue'
import App from './App.vue'
import { holder } from './holder'
import { lang, setLang } from './i18n/core'
import { router } from './router'
import { queries } from './session'
import './styles/tokens.css'
import './styles/base.css'

await setLang(lang.value)
const app = createApp(App).use(VueQueryPlugin, { queryClient: queries }).use(router)
holder.app = app
app.mount('#app')
