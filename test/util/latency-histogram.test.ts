import { expect, test } from 'vitest'
import { LatencyHistogram } from '../../src/util/time/latency-histogram.ts'

function histogramOf(...nanoseconds: number[]): LatencyHistogram {
  const histogram = new LatencyHistogram()
  for (const each of nanoseconds) histogram.note(each, 1)
  return histogram
}

// What redis-server 7.2 says of the same durations.
test.each([
  [1_000, [[1, 1]]],
  [2_000, [[2, 1]]],
  [2_070, [[4, 1]]],
  [16_383, [[16, 1]]],
  [16_511, [[16, 1]]],
  [16_512, [[33, 1]]],
  [91_000, [[132, 1]]],
  [20_185_000, [[33_816, 1]]],
  [300_000_000, [[541_065, 1]]],
  [600_000_000, [[1_073_741, 1]]],
  [1_100_000_000, [[1_073_741, 1]]],
])('%i ns are counted by the bound Redis counts them by', (nanoseconds, bounds) => {
  const steps = [...histogramOf(nanoseconds).cumulative()]
  expect(steps.map(([end, count]) => [Math.floor(end / 1000), count])).toEqual(bounds)
})

test.each([
  [1_000, 1_000, 1_003],
  [2_000, 2_000, 2_007],
  [6_000, 5_984, 6_015],
  [81_000, 80_896, 81_407],
  [782_000, 778_240, 782_335],
  [30_080_000, 30_015_488, 30_146_559],
  [0, 1, 1],
  [255, 255, 255],
  [256, 256, 257],
])('percentiles of %i ns are the ends of its place', (nanoseconds, shortest, longest) => {
  const histogram = histogramOf(nanoseconds)
  expect([histogram.percentile(0), histogram.percentile(100)]).toEqual([shortest, longest])
})

test('percentiles count as many as they say, and are within a percent', () => {
  const histogram = new LatencyHistogram()
  for (let microseconds = 1; microseconds <= 1000; microseconds++) histogram.note(microseconds * 1000, 1)
  for (const percent of [1, 25, 50, 99, 99.9, 100]) {
    const microseconds = histogram.percentile(percent) / 1000
    expect(microseconds / (percent * 10)).toBeGreaterThanOrEqual(1)
    expect(microseconds / (percent * 10)).toBeLessThan(1.01)
  }
  histogram.note(5000, 1000)
  expect(histogram.percentile(50)).toBe(5023)
  expect([...histogram.cumulative()].at(-1)).toEqual([1_056_767, 2000])
})

test('of nothing there is nothing to tell', () => {
  const histogram = new LatencyHistogram()
  expect([...histogram.cumulative()]).toEqual([])
  expect(histogram.percentile(50)).toBe(0)
})
