import { expect } from 'vitest';
import { healthy } from '../command.ts';
import { firstBoot, laterBoot } from '../first-boot.ts';
import { scenario } from '../lab/scenario.ts';
import { native } from '../native-image.ts';
import { nixImage } from '../nix-image.ts';

// Its output shows which user builds; it fails if the build sees /usr or /nix/var.
const sandboxed = `derivation {
  name = "sandboxed";
  system = "x86_64-linux";
  builder = "/bin/sh";
  args = [ "-c" "while read -r line; do echo \\"$line\\"; done < /proc/self/uid_map > $out; [ ! -e /usr ] && [ ! -e /nix/var ]" ];
}
`;

scenario(
  'native: first boot installs Nix, /etc stays as the image has it, and the second boot starts nothing',
  async (lab) => {
    const machine = await lab.machine(await nixImage(await native()));
    let guest = await firstBoot(machine);

    // Only the build users (and the backup files of systemd-sysusers) may be new, besides what any machine writes.
    const changed = (await guest.succeed('ostree admin config-diff')).split('\n').map((line) => line.slice(5));
    const files = ['passwd', 'group', 'shadow', 'gshadow'];
    const expected = [...files, ...files.map((file) => `${file}-`), '.updated', 'machine-id', 'resolv.conf'];
    expect(changed.filter((path) => !expected.includes(path))).toEqual([]);
    for (const file of files) {
      const lines = await guest.succeed(
        `diff /usr/etc/${file} /etc/${file} | grep '^[<>]' | grep -vc '^> nixbld' || :`,
      );
      expect([file, lines]).toEqual([file, '0']);
    }

    expect((await guest.runAs('lab', 'sudo nix --version && command -v nix')).stdout).toMatch(
      /^nix \(Nix\) [0-9.]+\n\/nix\/var\/nix\/profiles\/default\/bin\/nix\n$/,
    );
    await guest.write('/tmp/sandboxed.nix', sandboxed);
    const built = await guest.runAs(
      'lab',
      'cat $(nix-build --no-out-link --option substitute false /tmp/sandboxed.nix)',
    );
    expect(built.stdout, built.stderr).toMatch(/^1000 +300\d\d +1\n$/);

    guest = await guest.reboot();
    await laterBoot(guest);
    expect(await guest.succeed('journalctl --unit nix-install -o cat | grep -c "Installing Nix "')).toBe('1');

    expect((await guest.runAs('lab', 'bluebuild-nix status')).stdout).toMatch(
      /^Nix is ready\.\n[^]*^Nix +[0-9.]+, installed by native [^]*^Garbage collected +never$/m,
    );
    await guest.succeed('bluebuild-nix collect-garbage', 120);
    expect((await guest.runAs('lab', 'bluebuild-nix status')).stdout).toMatch(/^Garbage collected +20\d\d-/m);
    expect((await guest.runAs('lab', '/var/home/lab/kept')).stdout).toBe('kept was built by nix\n');
    await healthy(guest);
  },
  1200,
);
