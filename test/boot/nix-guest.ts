import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { imageOfEtc } from './lab/backend.ts';
import { cached, keyOf } from './lab/cache.ts';
import type { Image } from './lab/image.ts';
import type { BootOptions, Machine, MachineOptions, RunningGuest } from './lab/machine.ts';
import { determinateArguments, nixInstaller } from './lab/nix-installer.ts';
import type { Lab } from './lab/scenario.ts';

/**
 * Waits until the first boot has installed Nix; throws with the unit's journal if that fails. `limit` is in seconds.
 * With `installer: system`, nix-install.service is skipped, because the empty store has been created before it.
 */
export const waitForNix = async (guest: RunningGuest, limit = 400): Promise<void> => {
  const unsettled = '^ActiveState=activating$|^ConditionTimestampMonotonic=0$|^Job=.';
  const shown = 'systemctl show --property=ActiveState,ConditionTimestampMonotonic,Job nix-install.service';
  await guest.waitFor(`shown=$(${shown}) && ! grep -E '${unsettled}' <<<"$shown"`, limit);
  const { conditionResult } = await guest.waitForUnitToSettle('nix-install.service', limit);
  if (conditionResult) await guest.waitForUnit('nix-install.service', 30);
  await guest.waitForUnit('nix-daemon.socket', 30);
};

/** A machine, switched off, on which the image has booted once and installed Nix, and a user has built `kept`. */
export const installedMachine = async (
  lab: Lab,
  image: Image,
  boot: BootOptions = {},
  options: Pick<MachineOptions, 'secondDiskSize'> = {},
): Promise<Machine> => {
  const ofBackend = lab.backend === 'ostree' ? [] : [lab.backend];
  const directory = await cached('installed', keyOf(image.key, JSON.stringify(boot), ...ofBackend), async (partial) => {
    const machine = await lab.machine(image);
    const guest = await machine.boot(boot);
    await waitForNix(guest);
    await buildAndRun(guest, 'kept', '--out-link /var/home/lab/kept');
    await guest.powerOff();
    await machine.copyDisk(join(partial, 'disk.qcow2'));
  });
  return lab.machine(image, { ...options, disk: join(directory, 'disk.qcow2') });
};

/**
 * A running machine, without SELinux, on which a user has installed Determinate Nix by hand in `persistence` and has
 * built `kept`.
 */
export const machineWithNixByHand = async (
  lab: Lab,
  persistence: string,
  base: 'lab-base' | 'lab-selinux-base' = 'lab-base',
): Promise<RunningGuest> => {
  await copyFile(await nixInstaller(), join(lab.directory, 'nix-installer'));
  // As blog posts describe it: an image with a mount point, and the installer's own ostree planner.
  const byHand = await lab.image({
    context: lab.directory,
    containerfile: `FROM ${base}\nCOPY nix-installer /usr/bin/nix-installer\nRUN mkdir /nix\n`,
  });
  const guest = await (await lab.machine(byHand)).boot();
  const options = [...determinateArguments, '--no-confirm', '--persistence', persistence].join(' ');
  await guest.succeed(`nix-installer install ostree ${options}`, 400);
  await buildAndRun(guest, 'kept', '--out-link /var/home/lab/kept');
  return guest;
};

// Built in Nix's sandbox, which contains /bin/sh and what the derivation names: busybox, copied to the store.
const greeting = (name: string): string => `derivation {
  name = "${name}";
  system = "x86_64-linux";
  builder = "/bin/sh";
  busybox = /usr/bin/busybox;
  args = [ "-c" "printf '#!/bin/sh\\necho ${name} was built by nix\\n' > $out; exec -a chmod $busybox 755 $out" ];
}
`;

/** What a user does first: builds a script as `lab` in a login shell, and runs it. Gives its output. */
export const buildAndRun = async (guest: RunningGuest, name: string, link = '--no-out-link'): Promise<string> => {
  await guest.write(`/tmp/${name}.nix`, greeting(name));
  const command = `nix-build ${link} --option substitute false /tmp/${name}.nix`;
  const { code, stdout, stderr } = await guest.runAs('lab', command, 180);
  if (code !== 0) throw new Error(`\`${command}\` exited with ${code}:\n${stdout}${stderr}`);
  return (await guest.runAs('lab', stdout.trim())).stdout.trim();
};

/**
 * What is wrong on a running machine with Nix, as a list. These must hold: /nix is the persistence directory, mounted
 * before local-fs.target; the daemon answers an unprivileged user; the store is intact; nothing has failed; no unit of
 * an installer hides one of the image; no deployment contains a store. `repaired`: in this boot the first-boot program
 * may have had to mount /nix itself, because a power cut left an installer's nix.mount in /etc as an empty file, which
 * masks the unit.
 */
export const nixFaults = async (
  guest: RunningGuest,
  { persistence = '/var/lib/nix', repaired = false }: { persistence?: string; repaired?: boolean } = {},
): Promise<string[]> => {
  const since = (unit: string) => `$(systemctl show --value --property ActiveEnterTimestampMonotonic ${unit})`;
  const checks: [fault: string, command: string][] = [
    ['nix.mount is not up', 'systemctl is-active nix.mount'],
    [`/nix is not ${persistence}`, `test "$(stat -c %d:%i /nix)" = "$(stat -c %d:%i ${persistence})"`],
    ['the daemon does not answer', 'runuser --login lab --command "nix store info --store daemon"'],
    ['the store is damaged', 'runuser --login root --command "nix store verify --all --no-trust"'],
    ['a unit has failed', 'failed=$(systemctl --failed --plain --no-legend); echo "$failed"; test -z "$failed"'],
    ['the system is not running', 'test "$(systemctl is-system-running --wait)" = running'],
    // A package in the image may have links in /etc that enable its units, and empty directories in /nix.
    [
      'an /etc unit hides one of the image',
      `${imageOfEtc}cd /etc/systemd/system
       ! find . -name 'nix*' -o -name 'determinate*' -o -name 'ensure-sym*' |
         while read -r unit; do [ -L "$image/etc/systemd/system/$unit" ] || echo "$unit"; done | grep .`,
    ],
    [
      'a deployment holds a store',
      'test -z "$(find /sysroot/ostree/deploy/lab/deploy/*/nix -mindepth 1 ! -type d -print -quit)"',
    ],
  ];
  if (!repaired) {
    checks.push([
      '/nix was mounted after local-fs.target',
      `test "${since('nix.mount')}" -le "${since('local-fs.target')}"`,
    ]);
  }
  // All checks in one request, because each request costs an emulated guest a dozen processes.
  const script = checks.map(
    ([fault, command]) => `output=$({ ${command}; } 2>&1) || printf '%s: %s\\0' '${fault}' "$output"`,
  );
  const faults = await guest.succeed(`${script.join('\n')}\n:`, 300);
  return faults.split('\0').slice(0, -1);
};

/** Expects that the program that a user built on an `installedMachine` still runs. */
export const expectKept = async (guest: RunningGuest): Promise<void> =>
  expect((await guest.runAs('lab', '/var/home/lab/kept')).stdout).toBe('kept was built by nix\n');
