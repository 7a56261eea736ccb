# Receives webhooks of Switchboard as a Rack app: WEBHOOK_SECRET=whsec_… rackup -p 3000 receiver.ru
require "base64"
require "json"
require "openssl"

KEY = Base64.strict_decode64(ENV.fetch("WEBHOOK_SECRET").delete_prefix("whsec_"))
$stdout.sync = true # show each event at once, also in a log file
TOLERANCE = 300 # seconds: older requests may be replayed by somebody who listened

def verified?(env, body)
  id, timestamp = env["HTTP_WEBHOOK_ID"], env["HTTP_WEBHOOK_TIMESTAMP"].to_i
  return false if id.nil? || (Time.now.to_i - timestamp).abs > TOLERANCE

  digest = OpenSSL::HMAC.digest("SHA256", KEY, "#{id}.#{timestamp}.#{body}")
  expected = "v1,#{Base64.strict_encode64(digest)}"
  # During a rotation there are two signatures, separated by a space.
  env["HTTP_WEBHOOK_SIGNATURE"].to_s.split.any? do |signature|
    signature.bytesize == expected.bytesize && OpenSSL.fixed_length_secure_compare(signature, expected)
  end
end

run lambda { |env|
  body = env["rack.input"].read
  return [401, {}, []] unless verified?(env, body)

  event = JSON.parse(body)
  # Remember event["id"]: the same event may come twice, always with the same id.
  puts "#{event["seq"]} #{event["type"]} #{event["id"]}"
  [204, {}, []]
}
