import { expect } from 'vitest';
import type { RunningGuest } from '../lab/machine.ts';
import { scenario } from '../lab/scenario.ts';
import { native } from '../native-image.ts';
import { buildAndRun, installedMachine, nixFaults, waitForNix } from '../nix-guest.ts';
import { nixImage } from '../nix-image.ts';

const [device, disk] = ['/dev/disk/by-id/virtio-second', '/var/mnt/disk'];
const directory = `${disk}/nix`;

/** Expects a user's build result and what is installed in their profile to work still. */
const expectKept = async (guest: RunningGuest): Promise<void> => {
  const { stdout, stderr } = await guest.runAs('lab', '/var/home/lab/kept; installed');
  expect(stdout + stderr).toBe('kept was built by nix\ninstalled was built by nix\n');
};

// With a file like the one that home-manager's `non-nixos-gpu-setup` links into /etc/tmpfiles.d.
const install = `derivation {
  name = "installed";
  system = "x86_64-linux";
  builder = "/bin/sh";
  busybox = /usr/bin/busybox;
  args = [ "-c" ''
    (exec -a mkdir $busybox -p $out/bin $out/lib/tmpfiles.d)
    echo "L+ /run/opengl-driver - - - - $out/lib" >$out/lib/tmpfiles.d/non-nixos-gpu.conf
    printf '#!/bin/sh\\necho installed was built by nix\\n' >$out/bin/installed
    (exec -a chmod $busybox 755 $out/bin/installed)
  '' ];
}
`;

scenario(
  'the store is moved to a second disk; a boot without that disk installs nothing and holds nobody up; moved back',
  async (lab) => {
    const image = await nixImage(await native());
    const machine = await installedMachine(lab, image, {}, { secondDiskSize: '3G' });
    let guest = await machine.boot();
    await guest.write('/tmp/installed.nix', install);
    await guest.runAs('lab', 'nix-env --install --file /tmp/installed.nix --option substitute false', 120);
    await expectKept(guest);
    const installed = await guest.succeed('dirname $(dirname $(readlink -f /var/home/lab/.nix-profile/bin/installed))');
    await guest.succeed(`ln -s ${installed}/lib/tmpfiles.d/non-nixos-gpu.conf /etc/tmpfiles.d/`);
    await guest.succeed(`mkfs.ext4 -q ${device}; mkdir ${disk}`, 120);
    const options = 'nofail,x-systemd.device-timeout=150';
    await guest.succeed(
      `echo '${device} ${disk} ext4 ${options} 0 2' >>/etc/fstab; systemctl daemon-reload; mount ${disk}`,
    );
    expect(await guest.succeed(`bluebuild-nix move ${directory}`, 300)).toContain(`The Nix store is in ${directory}.`);
    await expectKept(guest);

    guest = await guest.reboot();
    await waitForNix(guest);
    await expectKept(guest);
    expect(await guest.succeed('readlink -e /run/opengl-driver')).toBe(`${installed}/lib`);
    expect(await buildAndRun(guest, 'moved', '--out-link /var/home/lab/moved')).toBe('moved was built by nix');
    expect(await nixFaults(guest, { persistence: directory })).toEqual([]);

    // The boot reaches the login while systemd is still waiting for the disk.
    guest = await guest.reboot({ withoutSecondDisk: true });
    expect(await guest.succeed('systemctl list-jobs')).toContain('dev-disk-by');
    const missing = `The Nix store of this machine is in ${directory}, and its file system is not mounted.`;
    await guest.waitFor(`bluebuild-nix status | grep -F '${missing}'`, 300);
    expect(await guest.succeed(`find /nix ${disk} -mindepth 1; readlink /var/lib/nix`)).toBe(directory);

    guest = await guest.reboot();
    await waitForNix(guest);
    await expectKept(guest);
    expect(await nixFaults(guest, { persistence: directory })).toEqual([]);

    expect(await guest.succeed('bluebuild-nix move /var/lib/nix', 300)).toContain('The Nix store is in /var/lib/nix.');
    await guest.succeed('sed -i /virtio-second/d /etc/fstab');
    guest = await guest.reboot({ withoutSecondDisk: true });
    await waitForNix(guest);
    await expectKept(guest);
    expect((await guest.runAs('lab', '/var/home/lab/moved')).stdout).toBe('moved was built by nix\n');
    expect(await buildAndRun(guest, 'back')).toBe('back was built by nix');
    expect(await nixFaults(guest)).toEqual([]);
  },
  2700,
);
