// npx jest --config examples/testing/jest.config.cjs, with jest installed. It reads TypeScript with: npm install --save-dev @babel/preset-typescript @babel/plugin-transform-modules-commonjs
module.exports = {
  testMatch: ['**/*.test.cjs'],
  transform: {
    '\\.ts$': [
      'babel-jest',
      { presets: ['@babel/preset-typescript'], plugins: ['@babel/plugin-transform-modules-commonjs'] },
    ],
  },
}
