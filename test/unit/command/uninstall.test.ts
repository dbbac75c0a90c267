import { expect, test } from 'vitest';
import { needs } from '../../support/requirement.ts';
import { backends } from '../nix-install/first-boot.ts';
import { onMachine } from './installed.ts';

// Lists what an installation changes: paths, links and users.
const list = `list() {
    find /etc /nix /usr/local/bin /var/lib /var/cache/bluebuild-nix ! -path '/etc/*-' ! -path '/var/lib/*/*' -printf '%p %l\\n' 2>/dev/null | sort
    cat /etc/passwd /etc/group /etc/bash.bashrc
}
`;
const uninstall = (
  name: string,
  script: string,
  check: (found: string) => void,
  options: Parameters<typeof onMachine>[1] = {},
  timeout = 60_000,
) =>
  test.concurrent(name, { timeout }, async (context) => {
    needs(context, 'root', 'namespaces');
    check(await onMachine(script, options));
  });

uninstall(
  'asks, and deletes nothing without the word',
  `bluebuild-nix uninstall <<<y || echo "exited with $?"; ls /nix/store | wc -l; grep -c ^nixbld /etc/passwd`,
  (found) => {
    expect(found).toMatch(/^This deletes from this machine:\n/);
    expect(found).toMatch(/the Nix store in \/var\/lib\/nix with all that was installed with Nix: [0-9.]+[KM]?i?B\n/);
    expect(found).toMatch(/The image installs a new Nix at the next boot/);
    expect(found).toMatch(/Nothing was deleted\.\nexited with 1\n3\n32\n$/);
  },
);

uninstall(
  'leaves the machine as it was before the first boot, and what people have in their homes',
  `${list}mkdir -p /var/home/lab/.local/state/nix
echo 'max-jobs = 3' >/etc/nix/nix.custom.conf
printf '# Nix\\nif [ -e /nix ]; then :; fi\\n# End Nix\\n' >>/etc/bash.bashrc
chmod 1775 /nix/store; chmod 555 /nix/store/*
bluebuild-nix uninstall --yes | tail -n 1
list | diff /run/before - && echo 'as before'
ls -d /var/home/lab/.local/state/nix; mountpoint -q /nix || echo not mounted`,
  (found) => expect(found).toBe('Nix is gone.\nas before\n/var/home/lab/.local/state/nix\nnot mounted\n'),
  { before: `${list}list >/run/before` },
);

uninstall(
  'with --keep-out the next boot does not put it back, and status says how to have it again',
  `yes delete | bluebuild-nix uninstall --keep-out | tail -n 1
readlink /etc/systemd/system/nix-install.service /etc/systemd/system/nix-users.service
shown inactive dead '' inactive; systemctl start nix.mount; bluebuild-nix status`,
  (found) => {
    expect(found).toMatch(
      /^To install it again: sudo systemctl unmask .*\n\/dev\/null\n\/dev\/null\nNix is not on this machine, and the image does not install it/,
    );
  },
);

for (const [backend, machine] of Object.entries(backends)) {
  uninstall(
    `${backend}: the image has files of its own in /etc: they stay`,
    `echo mine >/etc/nix/mine; : >/etc/systemd/system/nix-daemon.service
bluebuild-nix uninstall --yes >/dev/null; find /etc/nix /etc/systemd/system/*/nix-daemon.service`,
    (found) =>
      expect(found).toBe('/etc/nix\n/etc/nix/machines\n/etc/systemd/system/lab.target.wants/nix-daemon.service\n'),
    {
      before: `mkdir -p /etc/nix /etc/systemd/system/lab.target.wants; touch /etc/nix/machines
ln -s /usr/lib/systemd/system/nix-daemon.service /etc/systemd/system/lab.target.wants/\n${machine}`,
    },
  );
}

uninstall(
  'a mount of the machine for /nix stays, empty',
  `bluebuild-nix uninstall --yes >/dev/null; mountpoint /nix; ls -A /nix; grep What /etc/systemd/system/nix.mount`,
  (found) => expect(found).toBe('/nix is a mountpoint\nWhat=/var/mine\n'),
  {
    before: `mkdir -p /var/mine/store /var/mine/var/nix/profiles/default/bin /var/mine/var/nix/db
echo x >/var/mine/var/nix/db/db.sqlite; cp /bin/true /var/mine/var/nix/profiles/default/bin/nix-daemon
mkdir -p /etc/systemd/system; printf '[Mount]\\nWhat=/var/mine\\nWhere=/nix\\nOptions=bind\\n' >/etc/systemd/system/nix.mount`,
  },
);

uninstall(
  'on a machine without Nix it says so',
  `bluebuild-nix uninstall --yes >/dev/null; bluebuild-nix uninstall --yes`,
  (found) => expect(found).toMatch(/no Nix store: there is none on \/nix\n[^]*Nix is gone\.\n$/),
);

uninstall(
  'ended before each command that changes something: the next boot has a whole Nix',
  `. /usr/local/lib/cut-at-each.sh
changing="$changing passwd group shadow gshadow"
cut_before='mv rm sync rmdir systemctl groupdel'
finished() {
    ls /nix/var/bluebuild-nix/installed /nix/var/nix/profiles/default/bin/nix-daemon >/dev/null || :
    if [ -e /nix/var/bluebuild-nix/installing ]; then echo 'it is unfinished'; fi
}
save
cut_at_each /usr/libexec/bluebuild/nix/uninstall --yes`,
  (found) => expect(found).toMatch(/^exited successfully after \d\d cuts\n$/),
  {},
  180_000,
);
