import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { nixInstaller } from '../lab/nix-installer.ts';
import { nixTarball } from '../lab/nix-tarball.ts';
import { scenario } from '../lab/scenario.ts';

// Built in Nix's sandbox, where there is /bin/sh and what the derivation names: busybox, copied to the store.
const greeting = `derivation {
  name = "lab-greeting";
  system = "x86_64-linux";
  builder = "/bin/sh";
  busybox = /usr/bin/busybox;
  args = [ "-c" "printf '#!/bin/sh\\necho built by nix\\n' > $out; exec -a chmod $busybox 755 $out" ];
}
`;

scenario(
  'nix-installer installs a real Nix with no network, and an unprivileged user builds and runs',
  async (lab) => {
    const tarball = await nixTarball();
    await copyFile(await nixInstaller(tarball), join(lab.directory, 'nix-installer'));
    const image = await lab.image({
      context: lab.directory,
      containerfile: 'FROM lab-base\nCOPY nix-installer /usr/bin/nix-installer\nRUN mkdir /nix\n',
    });
    const machine = await lab.machine(image);
    const guest = await machine.boot();
    await guest.succeed('nix-installer install ostree --no-confirm --persistence /var/lib/nix', 400);
    expect((await guest.runAs('lab', 'nix --version')).stdout).toBe(`nix (Nix) ${tarball.version}\n`);
    await guest.write('/tmp/greeting.nix', greeting);
    const built = await guest.runAs('lab', 'nix-build --no-out-link --option substitute false /tmp/greeting.nix', 120);
    expect(built.stdout, built.stderr).toMatch(/^\/nix\/store\/[0-9a-z]{32}-lab-greeting\n$/);
    expect(await guest.runAs('lab', built.stdout.trim())).toEqual({ code: 0, stdout: 'built by nix\n', stderr: '' });
    expect(await guest.succeed('findmnt -n -o SOURCE /nix')).toContain('/var/lib/nix');
  },
  1200,
);
