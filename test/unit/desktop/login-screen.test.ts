/** The users that a real SDDM shows: its greeter runs in test mode, with a theme that prints the list of users. */
import { expect, test } from 'vitest';
import { needs } from '../../support/requirement.ts';
import { onMachine } from './machine.ts';

const ours = '/usr/lib/sddm/sddm.conf.d/00-nix.conf';

/** Bash that makes a user and Nix's build users, runs `settings`, and prints the names on the login screen. */
const shown = (settings = '') => `
echo 'alice:x:1000:1000::/var/home/alice:/bin/bash' >/etc/passwd
echo 'nobody:x:65534:65534::/:/usr/sbin/nologin' >>/etc/passwd
systemd-sysusers /usr/lib/bluebuild/nix/sysusers.conf 2>/dev/null
[ "$(grep -c nixbld /etc/passwd)" = 32 ]
# As Fedora's package has it; ostree gives what is in /etc the time of the deployment. SDDM reads none of its files where the
# latest is from 1970, as all below /usr is.
mkdir -p /etc/sddm.conf.d
${settings}
mkdir /tmp/theme
cat >/tmp/theme/Main.qml <<'QML'
import QtQuick 2.0
Item {
  property string names: ""
  Repeater { model: userModel; Item { Component.onCompleted: names += name + "\\n" } }
  Component.onCompleted: {
    var file = new XMLHttpRequest()
    file.open("PUT", "file:///tmp/shown", false)
    file.send(names + "all\\n")
  }
}
QML
wait_for() {
  for attempt in {1..600}; do if "$@"; then return; fi; sleep 0.1; done
  echo "$* is still false" >&2
  return 1
}
Xvfb :1 -screen 0 640x480x24 -nolisten tcp &>/dev/null &
wait_for [ -S /tmp/.X11-unix/X1 ]
DISPLAY=:1 QT_QUICK_BACKEND=software XDG_RUNTIME_DIR=/tmp sddm-greeter --test-mode --theme /tmp/theme &>/tmp/log &
wait_for grep -qx all /tmp/shown 2>/dev/null
sed '$d' /tmp/shown`;

const cases: [name: string, settings: string, users: string][] = [
  ['a login screen shows the person, and none of the users that Nix builds as', '', 'alice'],
  [
    'shells that the image hides are its own, and Nix’s users stay hidden',
    'printf "[Users]\\nHideShells=/bin/zsh\\n" >/usr/lib/sddm/sddm.conf.d/kde.conf',
    'alice',
  ],
  [
    'whom the machine hides is its own, and Nix’s users stay hidden',
    'printf "[Users]\\nHideUsers=alice\\n" >/etc/sddm.conf.d/mine.conf',
    '',
  ],
];

for (const [name, settings, users] of cases) {
  test(name, { timeout: 90_000 }, async (context) => {
    needs(context, 'root', 'namespaces', 'sddm');
    expect(await onMachine(shown(settings))).toBe(users);
  });
}

test('without the file they are there: this SDDM shows them', { timeout: 90_000 }, async (context) => {
  needs(context, 'root', 'namespaces', 'sddm');
  expect((await onMachine(shown(`rm ${ours}`))).split('\n')).toContain('nixbld1');
});
