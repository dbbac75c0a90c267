/** Maintenance of the store, with a stand-in for Nix. The boot lab's native-store tests it with a real Nix. */
import { expect, test } from 'vitest';
import type { RecipeEntry } from '../../../src/config/recipe-entry.ts';
import { needs } from '../../support/requirement.ts';
import { onMachine } from './machine.ts';

type Maintenance = RecipeEntry['maintenance'];
const record = '/nix/var/bluebuild-nix/maintenance';

/** Bash: a machine on mains power, with a stand-in for Nix that prints its arguments and fails if /FAIL names them. */
const machine = `mkdir -p /nix/var/bluebuild-nix /nix/var/nix/profiles/default/bin /sys/class/power_supply/{AC,BAT0,hid-mouse}
cd /sys/class/power_supply
echo Mains >AC/type; echo Battery | tee BAT0/type >hid-mouse/type; echo Device >hid-mouse/scope
echo Charging >BAT0/status; echo Discharging >hid-mouse/status
for name in nix-collect-garbage nix-store; do
  printf '#!/bin/sh\\necho "\${0##*/} $*"; ! grep -qs -e "$1" /FAIL\\n' >/nix/var/nix/profiles/default/bin/$name
done
chmod +x /nix/var/nix/profiles/default/bin/*
for name in systemctl systemd-notify; do printf '#!/bin/sh\\ncat /$0.says 2>/dev/null || :\\n' >/usr/local/bin/$name; chmod +x /usr/local/bin/$name; done
groupadd --gid 30000 nixbld 2>/dev/null || :
maintain() { code=0; /usr/libexec/bluebuild/nix/maintain 2>&1 || code=$?; echo "exit $code"; }
masked() { sed 's/=1[0-9]\\{9\\}$/=TIME/' ${record}; }
`;

const maintained = (name: string, maintenance: Maintenance, script: string, expected: string): void =>
  test(name, async (context) => {
    needs(context, 'root', 'namespaces');
    const image = { entry: maintenance === undefined ? {} : { maintenance } };
    expect(await onMachine(machine + script, image)).toBe(expected);
  });

maintained(
  'the first run does all, the next collects and optimises, and a month later it verifies again',
  'on',
  `maintain; masked
maintain
sed -i s/^verified=.*/verified=1000000000/ ${record}; maintain | grep -- --verify; masked | grep verified`,
  `Collecting garbage
nix-collect-garbage --option substitute false
Optimising the store
nix-store --optimise
Verifying the store
nix-store --verify --check-contents --option substitute false
The maintenance is complete.
exit 0
collected=TIME
freed=nix-collect-garbage --option substitute false
optimised=TIME
verified=TIME
verify=intact
Collecting garbage
nix-collect-garbage --option substitute false
Optimising the store
nix-store --optimise
The maintenance is complete.
exit 0
nix-store --verify --check-contents --option substitute false
verified=TIME`,
);

maintained(
  'the recipe says what is done',
  { 'older-than': '30d', optimise: false, verify: false },
  'maintain; masked',
  `Collecting garbage
nix-collect-garbage --delete-older-than 30d --option substitute false
The maintenance is complete.
exit 0
collected=TIME
freed=nix-collect-garbage --delete-older-than 30d --option substitute false`,
);

maintained(
  'what fails is said and recorded, the rest is done, and a later success takes it back',
  'on',
  `echo --verify >/FAIL; maintain | tail -n 4; masked
rm /FAIL; sed -i /verified=/d ${record}; maintain | tail -n 1; masked`,
  `nix-store --verify --check-contents --option substitute false
<3>Paths in the store are damaged; they are named above.
Paths in the store are damaged; they are named above. See: bluebuild-nix doctor
exit 1
collected=TIME
freed=nix-collect-garbage --option substitute false
optimised=TIME
verified=TIME
verify=damaged
failed=TIME
failure=Paths in the store are damaged; they are named above.
exit 0
collected=TIME
freed=nix-collect-garbage --option substitute false
optimised=TIME
verified=TIME
verify=intact`,
);

maintained(
  'it waits on battery, while Nix is installed, while the system is updated, and while something is built',
  'on',
  `echo Discharging >BAT0/status; maintain; echo Full >BAT0/status
exec 8>/run/bluebuild-nix.lock; flock 8; maintain; exec 8>&-
mkdir -p /usr/local/bin; echo 'uupd.service loaded activating start' >/usr/local/bin/systemctl.says; maintain; rm /usr/local/bin/systemctl.says
setpriv --reuid=30001 --regid=30000 --clear-groups sleep 60 & maintain; kill $!; wait || :
ls ${record} 2>/dev/null || echo nothing was done
maintain | tail -n 1`,
  `Waiting: the machine runs on battery.
exit 75
Waiting: Nix is being installed, updated or repaired.
exit 75
Waiting: uupd.service updates the system.
exit 75
Waiting: Nix builds something.
exit 75
nothing was done
exit 0`,
);

maintained('nothing of it is in an image by default', undefined, 'find /usr -xdev -name "nix-maint*"', '');
