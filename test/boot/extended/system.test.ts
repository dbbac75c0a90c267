import { expect } from 'vitest';
import { statusOf } from '../interrupted-installation.ts';
import type { RunningGuest } from '../lab/machine.ts';
import { scenario } from '../lab/scenario.ts';
import { native } from '../native-image.ts';
import { buildAndRun, installedMachine, machineWithNixByHand, nixFaults, waitForNix } from '../nix-guest.ts';
import { nixImage } from '../nix-image.ts';
import { expectNixOf, ofTheUser, ownProgram } from '../nix-upgrade.ts';
import { system } from '../system-image.ts';

const journal = 'journalctl -b -u nix-install -o cat';
/**
 * Adds the user to the group that may use Debian's Nix: this /etc is older than the image's, which has the user in it.
 */
const letUseNix = async (guest: RunningGuest): Promise<void> => {
  await guest.waitFor('getent group nix-users', 300);
  await guest.succeed('usermod --append --groups nix-users lab');
};
const ofNixInEtc = "ostree admin config-diff | grep -E 'nix|systemd|profile|fish' || :";

scenario(
  'system: takes over a store that a nix-installer of this module made, and `native` takes over that of `system`',
  async (lab) => {
    const machine = await installedMachine(lab, await nixImage());
    let guest = await machine.boot();
    expect((await guest.runAs('lab', ownProgram)).code).toBe(0);
    const before = await ofTheUser(guest);
    await guest.update(await nixImage(system()));

    guest = await guest.reboot();
    await letUseNix(guest);
    await expectNixOf(guest, 'forky');
    expect(await guest.succeed(journal)).toContain('Taking over the store from `installer: determinate`');
    // With the lab's older installer, the daemon makes this file after /etc/nix was recorded, so it may be a user's.
    expect(await guest.succeed(ofNixInEtc)).toMatch(/^A +nix\/nix\.custom\.conf$/);
    expect(await ofTheUser(guest)).toBe(before);
    expect(await guest.succeed('readlink -f /proc/$(systemctl show --value --property MainPID nix-daemon)/exe')).toBe(
      '/usr/bin/nix',
    );
    await guest.update(await nixImage(await native('trixie')));

    guest = await guest.reboot();
    await expectNixOf(guest, 'trixie');
    expect(await guest.succeed(journal)).toContain('Taking over the store from `installer: system`');
    expect(await ofTheUser(guest)).toBe(before);
    await guest.rollBack();

    guest = await guest.reboot();
    await expectNixOf(guest, 'forky');
    expect(await ofTheUser(guest)).toBe(before);
    await guest.update(await nixImage());

    guest = await guest.reboot();
    await guest.waitFor('systemctl is-failed nix-install.service', 120);
    expect(await statusOf(guest)).toContain('Write `installer: system` in the recipe of the image');
    expect(await ofTheUser(guest)).toBe(before);
    expect(await buildAndRun(guest, 'refused')).toBe('refused was built by nix');
  },
  2400,
);

scenario(
  'system: takes over a store that was installed by hand',
  async (lab) => {
    const persistence = '/var/home/nix';
    let guest = await machineWithNixByHand(lab, persistence);
    const image = system();
    await guest.update(await nixImage({ ...image, entry: { ...image.entry, persistence } }));
    guest = await guest.reboot();
    await letUseNix(guest);
    await expectNixOf(guest, 'forky', { persistence, repaired: true });
    const told = await guest.succeed(journal);
    expect(told).toContain(`Adopting the Nix store in ${persistence}`);
    expect(told).toContain('/etc/systemd/system/nix.mount');
    guest = await guest.reboot();
    await expectNixOf(guest, 'forky', { persistence });
  },
  1800,
);

scenario(
  'system: an image without the module boots clean, and back on one with it Nix is there, and the users it builds as',
  async (lab) => {
    const machine = await installedMachine(lab, await nixImage(system('trixie')));
    let guest = await machine.boot();
    await guest.update(await lab.image({ containerfile: 'FROM lab-base\nRUN echo no nix > /usr/lib/lab-version\n' }));
    guest = await guest.reboot();
    expect(await guest.waitForBoot()).toBe('running');
    expect(await guest.succeed('systemctl --failed --plain --no-legend')).toBe('');
    expect((await guest.run('ls -d /nix /etc/xdg/nix /etc/profile.d/nix* /usr/bin/nix*')).stdout).toBe('');
    expect(await guest.succeed('journalctl -b -o cat -p warning | grep -i nix || true')).toBe('');
    await guest.update(await nixImage(system('forky')));
    guest = await guest.reboot();
    await expectNixOf(guest, 'forky');
  },
  1800,
);

scenario(
  "system: the image's Nix, and what a user has installed, in every shell, by sudo, ssh, cron and in units",
  async (lab) => {
    const machine = await lab.machine(
      await nixImage(system('forky', 'cron', 'fish', 'openssh-client', 'openssh-server', 'zsh')),
    );
    const guest = await machine.boot();
    await waitForNix(guest);
    await guest.write('/etc/cron.d/lab', '* * * * * lab nix-store --version >/var/home/lab/by-cron 2>&1\n');
    await guest.succeed(
      `systemctl start ssh
       runuser --login lab --command 'mkdir -m 700 .ssh && ssh-keygen -q -t ed25519 -N "" -f .ssh/id_ed25519 &&
         cp .ssh/id_ed25519.pub .ssh/authorized_keys'`,
      120,
    );
    const installed = await guest.runAs('lab', ownProgram);
    expect([installed.code, installed.stderr]).toEqual([0, expect.stringContaining('installing')]);
    const ssh = 'ssh -n -o StrictHostKeyChecking=no -o LogLevel=ERROR 127.0.0.1';
    const version = await guest.succeed('/usr/bin/nix --version');
    // What the user has installed is found in login shells.
    const look = 'nix --version; own-program -un';
    const logins = ['bash', 'zsh', 'fish'].map((shell) => `${shell} -l -c '${look}'`);
    for (const command of [...logins, `${ssh} "bash -l -c '${look}'"`, `sudo -u lab -i bash -l -c '${look}'`])
      expect([command, (await guest.runAs('lab', command)).stdout]).toEqual([command, `${version}\nlab\n`]);
    // Nix itself is found everywhere.
    const asked = 'nix-store --version';
    const inUnit = `sudo systemd-run --quiet --wait --pipe ${asked}`;
    for (const command of [
      `sudo ${asked}`,
      `sudo -i ${asked}`,
      `${ssh} ${asked}`,
      inUnit,
      `env -i /bin/sh -c '${asked}'`,
    ])
      expect([command, (await guest.runAs('lab', command)).stdout]).toEqual([
        command,
        expect.stringMatching(/^nix-store \(Nix\) /),
      ]);
    await guest.waitFor('grep "^nix-store (Nix) " /var/home/lab/by-cron', 120);
    expect(await nixFaults(guest)).toEqual([]);
  },
  1200,
);
