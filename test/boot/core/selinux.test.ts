import { expect } from 'vitest';
import { scenario } from '../lab/scenario.ts';
import { installedMachine, nixFaults } from '../nix-guest.ts';
import { nixImage } from '../nix-image.ts';
import {
  buildAs,
  denials,
  enforcing,
  labelledFirstBoot,
  packageScript,
  policyOf,
  typeOf,
  waitForLabels,
} from '../selinux-guest.ts';

scenario(
  'SELinux enforcing: first boot installs Nix with its labels, and leaves the policy as the image has it',
  async (lab) => {
    const guest = await labelledFirstBoot(lab, {});
    // The records are there to be read.
    await guest.succeed('runcon system_u:system_r:getty_t:s0 /usr/bin/cat /etc/shadow /nix/receipt.json; test $? != 0');
    expect(await guest.succeed('journalctl --boot --output=cat | grep -c "avc: .*denied"')).not.toBe('0');
  },
  1200,
);

scenario(
  'SELinux enforcing: what is built later has its labels at once, and systemd starts a unit of it',
  async (lab) => {
    const machine = await installedMachine(lab, await nixImage({ base: 'lab-selinux-base' }), enforcing);
    const guest = await machine.boot(enforcing);
    const policy = await policyOf(guest);

    const tool = await buildAs(guest, 'lab', 'tool', packageScript('tool'));
    // The domain of services, which a program has only by its label.
    await guest.succeed(`systemctl link --runtime ${tool}/lib/systemd/system/tool.service && systemctl start tool`);
    expect(await guest.succeed('tr -d "\\0" < /run/tool')).toBe('system_u:system_r:initrc_t:s0');
    await waitForLabels(guest, 40, tool);

    // Root, in its own shell, without the daemon.
    await guest.write('/tmp/direct.nix', await guest.succeed('sed s/tool/direct/g /tmp/tool.nix'));
    const direct = await guest.succeed('NIX_REMOTE=local bash -lc "nix-build --no-out-link /tmp/direct.nix"', 180);
    expect(await typeOf(guest, `${direct}/bin`)).toBe('bin_t');
    await waitForLabels(guest, 40, direct);

    // From a binary cache, and into a profile.
    await guest.succeed(
      `bash -lc "nix copy --to file:///tmp/cache ${direct} && nix-store --delete ${direct} &&
         nix copy --from file:///tmp/cache --no-check-sigs ${direct} &&
         nix-env --profile /nix/var/nix/profiles/default --install ${direct}"`,
      180,
    );
    await waitForLabels(guest, 40, direct, '/nix/var/nix/profiles');

    // One file that two packages hold at places with different labels is a program in both.
    const hidden = await buildAs(guest, 'lab', 'hidden', 'b mkdir -p $out/libexec; b cp $busybox $out/libexec/box');
    const shown = await buildAs(guest, 'lab', 'shown', 'b mkdir -p $out/bin; b cp $busybox $out/bin/box');
    expect(await guest.succeed(`test ${hidden}/libexec/box -ef ${shown}/bin/box && echo one file`)).toBe('one file');
    await guest.waitFor(`stat --format=%C ${shown}/bin/box | grep :bin_t:`, 40);
    const again = await buildAs(guest, 'lab', 'again', 'b mkdir -p $out/libexec; b cp $busybox $out/libexec/again');
    await waitForLabels(guest, 40, `${again}/libexec`).catch(() => undefined);
    expect(await typeOf(guest, `${shown}/bin/box`)).toBe('bin_t');

    // Asked for a relabel of all, while nix-label still waits for what was just built.
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
