import 'element-plus/es/components/switch/style/css'
export { ElSwitch } from 'element-plus/es/components/switch/index'
