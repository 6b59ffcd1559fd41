// A processor as BullMQ and Bull load it into a process or thread of its own.

module.exports = async (job) => {
  if (job.data.crash) process.exit(17)
  if (job.data.fail) throw new Error(`${job.data.fail} in process ${process.pid}`)
  await (job.updateProgress ? job.updateProgress({ at: 'half' }) : job.progress(50))
  await job.log('from the sandbox')
  return { sum: job.data.numbers.reduce((sum, n) => sum + n, 0), pid: process.pid }
}
