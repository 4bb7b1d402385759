import './locale'
import 'element-plus/es/components/checkbox/style/css'
export { ElCheckbox, ElCheckboxGroup } from 'element-plus/es/components/checkbox/index'
