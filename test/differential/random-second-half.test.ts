import { testPrograms } from './random-programs.ts'

testPrograms(2)
