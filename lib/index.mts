/** The package for `import`: the same instance that `require` gives, under the same names. */
import mbconv from './index.js'

export * from './index.js'
export default mbconv
