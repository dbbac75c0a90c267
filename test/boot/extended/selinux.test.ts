import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { baseFor } from '../composefs-base.ts';
import { scenario } from '../lab/scenario.ts';
import { native } from '../native-image.ts';
import { buildAndRun, installedMachine, machineWithNixByHand, nixFaults, waitForNix } from '../nix-guest.ts';
import { laterModule, nixImage } from '../nix-image.ts';
import { system } from '../system-image.ts';
import {
  buildAs,
  denials,
  enforcing,
  expectPolicyOfUpdate,
  labelledFirstBoot,
  packageScript,
  policyOf,
  typeOf,
  waitForLabels,
  wrongLabels,
} from '../selinux-guest.ts';

const base = 'lab-selinux-base';

// NixOS's own installer is in no package registry: the lab's, which handles SELinux in the same way, stands in for it.
for (const [name, image] of Object.entries({
  native,
  system: async () => system(),
  nixos: async () => ({ entry: { installer: { provider: 'nixos' } } }),
})) {
  scenario(
    `SELinux enforcing, ${name}: first boot installs Nix with its labels, and leaves the policy as the image has it`,
    async (lab) => {
      await labelledFirstBoot(lab, await image());
    },
    1200,
  );
}

scenario(
  'SELinux enforcing: an update brings other labels, a rollback the old ones, and the policy is the image’s each time',
  async (lab) => {
    const machine = await installedMachine(lab, await nixImage({ base }), enforcing);
    const modules = await laterModule(lab.directory);
    const source = join(modules, 'nix/program/files.json');
    const files = JSON.parse(await readFile(source, 'utf8')) as { selinux: Record<string, string> };
    const more = '(filecon "/nix/store/[^/]+/libexec(/.*)?" any (system_u object_r bin_t ((s0) (s0))))\n';
    files.selinux['/usr/share/bluebuild/nix/bluebuild-nix.cil'] += more;
    await writeFile(source, JSON.stringify(files));
    const later = await nixImage({ base, modules });

    let guest = await machine.boot(enforcing);
    const first = await policyOf(guest);
    const tool = await buildAs(guest, 'lab', 'tool', packageScript('tool'));
    await waitForLabels(guest, 40, tool);
    expect(await typeOf(guest, `${tool}/libexec`)).toBe('default_t');
    await guest.update(later);

    guest = await guest.reboot(enforcing);
    await expectPolicyOfUpdate(guest);
    await waitForLabels(guest, 60, '/nix');
    expect(await typeOf(guest, `${tool}/libexec`)).toBe('bin_t');
    expect((await guest.runAs('lab', '/var/home/lab/kept')).stdout).toBe('kept was built by nix\n');
    expect(await nixFaults(guest)).toEqual([]);
    expect(await denials(guest)).toEqual([]);
    await guest.rollBack();

    guest = await guest.reboot(enforcing);
    expect(await policyOf(guest)).toEqual(first);
    await waitForLabels(guest, 60, '/nix');
    expect(await typeOf(guest, `${tool}/libexec`)).toBe('default_t');
    expect(await buildAndRun(guest, 'back')).toBe('back was built by nix');
    expect(await nixFaults(guest)).toEqual([]);
    expect(await denials(guest)).toEqual([]);
  },
  1800,
);

scenario(
  'SELinux enforcing: a relabel through either path, or by nix-label, gives a store without labels the same ones',
  async (lab) => {
    const machine = await installedMachine(lab, await nixImage({ base }), enforcing);
    const guest = await machine.boot(enforcing);
    // nix-label would notice the changed labels and fix them before the first two ways do.
    await guest.succeed('systemctl stop nix-label.path nix-label.service nix-label-again.service');
    const ways = [
      'restorecon -RF /nix',
      'restorecon -RF /var/lib/nix',
      'rm /nix/var/bluebuild-nix/labels && systemctl restart nix-label.service',
    ];
    for (const way of ways) {
      await guest.succeed('chcon -R -u unconfined_u -t var_lib_t /var/lib/nix', 120);
      expect(await wrongLabels(guest, '/nix')).not.toEqual([]);
      await guest.succeed(way, 120);
      expect(await wrongLabels(guest, '/nix', '/var/lib/nix'), way).toEqual([]);
    }
    expect(await buildAndRun(guest, 'relabelled')).toBe('relabelled was built by nix');
    expect(await nixFaults(guest)).toEqual([]);
    expect(await denials(guest)).toEqual([]);
  },
  1200,
);

scenario(
  'SELinux enforcing: a store that was made without SELinux, in /var/home, is adopted and labelled',
  async (lab) => {
    let guest = await machineWithNixByHand(lab, '/var/home/nix', base);
    // Relabels all but the store, like the relabel that a machine does when SELinux is switched on (/.autorelabel).
    const contexts = '/etc/selinux/default/contexts/files/file_contexts';
    await guest.succeed(`setfiles -F -e /var/home/nix ${contexts} /etc /var`, 240);
    await guest.update(await nixImage({ base, entry: { persistence: '/var/home/nix' } }));

    guest = await guest.reboot(enforcing);
    await guest.waitForUnit('nix-install.service', 200);
    await waitForLabels(guest, 60, '/nix', '/var/home/nix');
    expect((await guest.runAs('lab', '/var/home/lab/kept')).stdout).toBe('kept was built by nix\n');
    // In the boot that adopts the store, the installer's own units may have failed because the store had no labels.
    guest = await guest.reboot(enforcing);
    expect(await nixFaults(guest, { persistence: '/var/home/nix' })).toEqual([]);
    await expectPolicyOfUpdate(guest);
  },
  1800,
);

for (const backend of ['ostree', 'composefs-native'] as const) {
  scenario(
    `SELinux enforcing, ${backend}: with a transient root /nix has its labels, too`,
    async (lab) => {
      const image = await nixImage({
        base: await baseFor({ backend }, 'lab-selinux-base'),
        entry: { 'transient-root': 'initramfs' },
      });
      const machine = await lab.on(backend).machine(image);
      const transient = { ...enforcing, kernelArguments: [...enforcing.kernelArguments, 'root.transient=true'] };
      const guest = await machine.boot(transient);
      await guest.succeed('mkdir /lab-directory');
      await waitForNix(guest);
      expect(await typeOf(guest, '/')).toBe('root_t');
      expect(await wrongLabels(guest, '/nix')).toEqual([]);
      expect(await buildAndRun(guest, 'transient')).toBe('transient was built by nix');
      expect(await nixFaults(guest)).toEqual([]);
      expect(await denials(guest)).toEqual([]);
    },
    1800,
  );
}

scenario(
  'SELinux enforcing: what is built later has its labels at once, and systemd starts a unit of it',
  async (lab) => {
    const machine = await installedMachine(lab, await nixImage({ base }), enforcing);
    const guest = await machine.boot(enforcing);
    const policy = await policyOf(guest);

    const tool = await buildAs(guest, 'lab', 'tool', packageScript('tool'));
    // The domain of services, which a program enters only if its label is right.
    await guest.succeed(`systemctl link --runtime ${tool}/lib/systemd/system/tool.service && systemctl start tool`);
    expect(await guest.succeed('tr -d "\\0" < /run/tool')).toBe('system_u:system_r:initrc_t:s0');
    await waitForLabels(guest, 40, tool);

    // Built by root in its own shell, without the daemon.
    await guest.write('/tmp/direct.nix', await guest.succeed('sed s/tool/direct/g /tmp/tool.nix'));
    const direct = await guest.succeed('NIX_REMOTE=local bash -lc "nix-build --no-out-link /tmp/direct.nix"', 180);
    expect(await typeOf(guest, `${direct}/bin`)).toBe('bin_t');
    await waitForLabels(guest, 40, direct);

    // Copied from a binary cache, and installed into a profile.
    await guest.succeed(
      `bash -lc "nix copy --to file:///tmp/cache ${direct} && nix-store --delete ${direct} &&
         nix copy --from file:///tmp/cache --no-check-sigs ${direct} &&
         nix-env --profile /nix/var/nix/profiles/default --install ${direct}"`,
      180,
    );
    await waitForLabels(guest, 40, direct, '/nix/var/nix/profiles');

    // A file that two packages share, at paths with different labels, is labelled as a program in both.
    const hidden = await buildAs(guest, 'lab', 'hidden', 'b mkdir -p $out/libexec; b cp $busybox $out/libexec/box');
    const shown = await buildAs(guest, 'lab', 'shown', 'b mkdir -p $out/bin; b cp $busybox $out/bin/box');
    expect(await guest.succeed(`test ${hidden}/libexec/box -ef ${shown}/bin/box && echo one file`)).toBe('one file');
    await guest.waitFor(`stat --format=%C ${shown}/bin/box | grep :bin_t:`, 40);
    const again = await buildAs(guest, 'lab', 'again', 'b mkdir -p $out/libexec; b cp $busybox $out/libexec/again');
    await waitForLabels(guest, 40, `${again}/libexec`).catch(() => undefined);
    expect(await typeOf(guest, `${shown}/bin/box`)).toBe('bin_t');

    // A relabel of everything is requested while nix-label is still waiting to label what was just built.
    const last = await buildAs(guest, 'lab', 'last', packageScript('last'));
    await guest.succeed(`chcon -t var_lib_t ${tool}/bin/tool && rm /nix/var/bluebuild-nix/labels &&
      systemctl restart nix-label.service`);
    await waitForLabels(guest, 40, tool, last);
    await guest.waitFor('test -s /nix/var/bluebuild-nix/labels', 40);

    expect(await nixFaults(guest)).toEqual([]);
    expect(await denials(guest)).toEqual([]);
    expect(await policyOf(guest)).toEqual(policy);
  },
  1200,
);
