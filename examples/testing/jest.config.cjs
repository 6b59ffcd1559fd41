// npx jest --config examples/testing/jest.config.cjs
//
// It wants jest, and for TypeScript: npm install --save-dev @babel/preset-typescript
// @babel/plugin-transform-modules-commonjs
module.exports = {
  testMatch: ['**/*.test.cjs'],
  transform: {
    '\\.ts$': [
      'babel-jest',
      { presets: ['@babel/preset-typescript'], plugins: ['@babel/plugin-transform-modules-commonjs'] },
    ],
  },
}
