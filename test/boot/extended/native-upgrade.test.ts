import { expect } from 'vitest';
import { disksAfterPowerCuts, recover } from '../interrupted-installation.ts';
import { scenario } from '../lab/scenario.ts';
import { nixTarball } from '../lab/nix-tarball.ts';
import { native } from '../native-image.ts';
import { expectNixOf } from '../nix-upgrade.ts';
import { installedMachine } from '../nix-guest.ts';
import { nixImage } from '../nix-image.ts';

scenario(
  'native: the power is cut at moments of an update: the next boot finishes it',
  async (lab) => {
    const machine = await installedMachine(lab, await nixImage(await native('trixie')));
    let guest = await machine.boot();
    const newer = await nixImage(await native('forky'));
    await guest.update(newer);
    guest = await guest.reboot({ until: 'control' });
    const { version } = await nixTarball('forky');
    const digest = await guest.succeed('sed -n s/^sha256=//p /usr/share/bluebuild/nix/install.conf');
    const disks = await disksAfterPowerCuts(guest, {
      'while the new Nix is unpacked': 'ls /nix/var/bluebuild-nix/work | grep -x store',
      'with one of its store paths in place': `ls -d /nix/store/*-nix-${version}`,
      'when its root is there': `test -e /nix/var/nix/gcroots/bluebuild-nix/${digest}/nix`,
      'when the default profile is switched': `readlink -f /nix/var/nix/profiles/default/bin/nix | grep ${version}`,
    });
    await recover(lab, newer, disks, (next) => expectNixOf(next, 'forky'));
  },
  1800,
);

scenario(
  'native: an image without the module boots clean, and back on a newer one Nix is there, and the users it builds as',
  async (lab) => {
    const machine = await installedMachine(lab, await nixImage(await native('trixie')));
    let guest = await machine.boot();
    await guest.update(await lab.image({ containerfile: 'FROM lab-base\nRUN echo no nix > /usr/lib/lab-version\n' }));
    guest = await guest.reboot();
    expect(await guest.waitForBoot()).toBe('running');
    expect(await guest.succeed('systemctl --failed --plain --no-legend')).toBe('');
    expect((await guest.run('ls -d /nix /etc/nix /etc/profile.d/nix.sh /usr/bin/nix*')).stdout).toBe('');
    expect(await guest.succeed('journalctl -b -o cat -p warning | grep -i nix || true')).toBe('');
    // As in an /etc that is older than Nix: there are no build users.
    await guest.succeed('for number in $(seq 32); do userdel nixbld$number; done; groupdel nixbld || true', 120);
    await guest.update(await nixImage(await native('forky')));
    guest = await guest.reboot();
    // The build users exist before the daemon has started, because root builds without it.
    expect(await guest.succeed('systemctl is-active nix-daemon.service || grep -c ^nixbld /etc/passwd')).toBe(
      'inactive\n32',
    );
    await expectNixOf(guest, 'forky');
  },
  1800,
);
