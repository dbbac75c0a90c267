import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const program = readFileSync(join(import.meta.dirname, 'hold-locks.sh'), 'utf8');

/** Bash that starts hold-locks.sh as root and waits until it holds all locks; `$holder` is its process ID. */
export const holdLocks = `cat >/run/hold-locks <<'END'
${program}END
bash /run/hold-locks & holder=$!
for try in {1..100}; do if [ -e /run/held/all ]; then break; fi; sleep 0.1; done
test -e /run/held/all`;
