#!/bin/sh
# Installs what the benchmark measures Buffalo against, from Debian or Ubuntu: Celery, RabbitMQ, Redis.
# Run as root. No service is started: the benchmark starts its own, on the loopback interface, and ends them.
set -eu

apt-get update
# Debian starts services when it installs them; policy-rc.d is its way to say no.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' > "$policy"
  chmod +x "$policy"
  trap 'rm -f "$policy"' EXIT
fi
DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
  rabbitmq-server redis-server python3-celery python3-redis
