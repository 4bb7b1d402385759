import './locale'
import 'element-plus/es/components/cascader/style/css'
export { ElCascader } from 'element-plus/es/components/cascader/index'
