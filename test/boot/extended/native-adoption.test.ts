import { expect } from 'vitest';
import { statusOf } from '../interrupted-installation.ts';
import { nixTarball } from '../lab/nix-tarball.ts';
import { scenario } from '../lab/scenario.ts';
import { native } from '../native-image.ts';
import { expectNixOf } from '../nix-upgrade.ts';
import { buildAndRun, installedMachine, machineWithNixByHand, nixFaults } from '../nix-guest.ts';
import { nixImage } from '../nix-image.ts';

const journal = 'journalctl -b -u nix-install -o cat';
const ofNixInEtc = "ostree admin config-diff | grep -E 'nix|systemd|profile|fish' || :";

scenario(
  'native: takes over a store that a nix-installer of this module made; back on that image Nix works, too',
  async (lab) => {
    const machine = await installedMachine(lab, await nixImage());
    let guest = await machine.boot();
    await guest.succeed('echo "max-jobs = 1" >>/etc/nix/nix.custom.conf');
    await guest.update(await nixImage(await native('trixie')));

    guest = await guest.reboot();
    await expectNixOf(guest, 'trixie');
    const told = await guest.succeed(journal);
    expect(told).toContain('Taking over the store from `installer: determinate`');
    expect(told).toMatch(/^Moved to \/nix\/var\/bluebuild-nix\/set-aside, .*\/etc\/nix\/nix\.conf/m);
    // The user's settings stay where they are, and still apply.
    expect(await guest.succeed(ofNixInEtc)).toMatch(/^A +nix\/nix\.custom\.conf$/);
    expect((await guest.runAs('lab', 'nix config show max-jobs')).stdout).toBe('1\n');
    await guest.rollBack();

    guest = await guest.reboot();
    await guest.waitFor('systemctl is-failed nix-install.service', 120);
    expect(await statusOf(guest)).toContain('The store in /var/lib/nix belongs to `installer: native`');
    expect(await buildAndRun(guest, 'rolled-back')).toBe('rolled-back was built by nix');
    expect((await guest.runAs('lab', '/var/home/lab/kept')).stdout).toBe('kept was built by nix\n');
  },
  1800,
);

scenario(
  'native: takes over a store that was installed by hand',
  async (lab) => {
    const persistence = '/var/home/nix';
    let guest = await machineWithNixByHand(lab, persistence);
    const image = await native('trixie');
    await guest.update(await nixImage({ ...image, entry: { ...image.entry, persistence } }));
    guest = await guest.reboot();
    await guest.waitForUnit('nix-install.service', 300);
    const told = await guest.succeed(journal);
    expect(told).toContain(`Adopting the Nix store in ${persistence}`);
    expect(told).toContain('/etc/systemd/system/nix.mount');
    // Determinate's file for the user's settings stays: in it, the installer's lines cannot be told from the user's.
    expect(await guest.succeed(ofNixInEtc)).toMatch(/^A +nix\/nix\.custom\.conf$/);
    expect((await guest.runAs('lab', '/var/home/lab/kept')).stdout).toBe('kept was built by nix\n');
    expect((await guest.runAs('lab', 'nix --version')).stdout).toBe(
      `nix (Nix) ${(await nixTarball('trixie')).version}\n`,
    );
    expect(await buildAndRun(guest, 'adopted')).toBe('adopted was built by nix');
    expect(await nixFaults(guest, { persistence, repaired: true })).toEqual([]);
    guest = await guest.reboot();
    expect(await nixFaults(guest, { persistence })).toEqual([]);
  },
  1800,
);

scenario(
  'native: an image with a nix-installer does not touch the store: Nix keeps working, and the service says why',
  async (lab) => {
    const machine = await installedMachine(lab, await nixImage(await native('forky')));
    let guest = await machine.boot();
    await guest.update(await nixImage());
    guest = await guest.reboot();
    await guest.waitFor('systemctl is-failed nix-install.service', 120);
    const status = await statusOf(guest);
    expect(status).toContain("the existing Nix keeps working, and determinate's nix-installer is not run.");
    expect(status).toContain('Write `installer: native` in the recipe of the image');
    expect(await guest.succeed('systemctl --failed --plain --no-legend | wc -l')).toBe('1');
    expect((await guest.runAs('lab', '/var/home/lab/kept')).stdout).toBe('kept was built by nix\n');
    expect(await buildAndRun(guest, 'refused')).toBe('refused was built by nix');
    await guest.rollBack();
    guest = await guest.reboot();
    expect(await buildAndRun(guest, 'back')).toBe('back was built by nix');
    expect(await nixFaults(guest)).toEqual([]);
  },
  1500,
);
