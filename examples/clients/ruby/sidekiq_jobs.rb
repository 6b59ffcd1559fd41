# A job queue with Sidekiq: what its users do with it. THINGS names those to do. Sidekiq's own
# process loads this file, too, and works.

require 'sidekiq'
require 'sidekiq/api'

URL = "redis://#{ENV.fetch('RESPITE_ADDRESS')}".freeze
Sidekiq.configure_client { |config| config.redis = { url: URL } }
Sidekiq.configure_server do |config|
  config.redis = { url: URL }
  config.options[:poll_interval_average] = 0.2
end

class Mail
  include Sidekiq::Worker

  def perform(to)
    Sidekiq.redis { |redis| redis.rpush('done', to) }
  end
end

# Fails when it is done for the first time.
class Moody
  include Sidekiq::Worker

  def perform(to)
    raise 'not now' if Sidekiq.redis { |redis| redis.incr('attempts') } == 1

    Mail.new.perform(to)
  end
end

def sent
  Sidekiq.redis { |redis| redis.lrange('done', 0, -1) }
end

def wait_for(recipient)
  sleep 0.01 until sent.include?(recipient)
end

def add
  %w[a b c].each { |to| Mail.perform_async(to) }
  "#{Sidekiq::Queue.new.size} jobs are waiting"
end

def work
  wait_for('c')
  "#{sent.join(' ')}, #{sent.uniq == sent ? 'each once' : 'some twice'}"
end

def retry_now
  Moody.perform_async('d')
  sleep 0.01 while Sidekiq::RetrySet.new.size.zero?
  Sidekiq::RetrySet.new.each(&:retry) # Now, as the button of its page does it.
  wait_for('d')
  failures = Sidekiq.redis { |redis| redis.get('attempts') }.to_i - 1
  "failed #{failures == 1 ? 'once' : "#{failures} times"}, then done"
end

def delayed
  begun = Process.clock_gettime(Process::CLOCK_MONOTONIC)
  Mail.perform_in(0.5, 'e')
  wait_for('e')
  Process.clock_gettime(Process::CLOCK_MONOTONIC) - begun >= 0.5 ? 'not before its time' : 'too early'
end

if $PROGRAM_NAME == __FILE__
  $stdout.sync = true
  worker = nil
  begin
    ENV.fetch('THINGS').split(',').each do |thing|
      worker ||= spawn('sidekiq', '-r', "./#{__FILE__}", '-c', '1', out: File::NULL) unless thing == 'add'
      puts "#{thing}: #{send(thing == 'retry' ? :retry_now : thing)}"
    end
  ensure
    if worker
      Process.kill('TERM', worker)
      Process.wait(worker)
    end
  end
end
