import { expect } from 'vitest';
import { baseFor } from './composefs-base.ts';
import { imageOfEtc } from './lab/backend.ts';
import { selinuxArguments } from './lab/base.ts';
import type { RunningGuest } from './lab/machine.ts';
import type { Lab } from './lab/scenario.ts';
import { waitUntil } from './lab/wait.ts';
import { buildAndRun, nixFaults, waitForNix } from './nix-guest.ts';
import { type NixImage, nixImage } from './nix-image.ts';

/** Boot options for an image on `lab-selinux-base`, with SELinux enforcing. */
export const enforcing = { kernelArguments: [...selinuxArguments, 'enforcing=1'], limit: 400 };

// `| cat` below: some programs run in their own domains, which may not write to the files of the lab's root shell.

/**
 * The denials (AVC) of this boot that concern Nix: /nix, the daemon, builds, or a unit of the image and what it runs.
 * Leaves out what the base's own policy lacks for the base's own programs.
 */
export const denials = async (guest: RunningGuest): Promise<string[]> => {
  const all = await guest.succeed('journalctl --boot --output=cat | grep -E "avc: +denied" || true');
  return all.split('\n').filter((line) => ofNix.test(line) && !line.includes('path="/run/lab/'));
};

const ofNix = new RegExp(
  [
    '[/"]nix',
    'bluebuild',
    'determinate',
    'scontext=\\S+:(initrc_t|unconfined_t):',
    'tcontext=\\S+:default_t:\\S+ tclass=(?!lnk_file)',
    'comm="?(restorecon|gpasswd|groupadd|useradd|systemd-sysuser)',
  ].join('|'),
);

/** Everything that identifies a machine's policy, in the kernel and in /etc. */
export const policyOf = async (guest: RunningGuest): Promise<Record<string, string>> => ({
  mode: await guest.succeed('getenforce'),
  kernel: await guest.succeed('sha256sum < /sys/fs/selinux/policy'),
  modules: await guest.succeed('semodule --list=full | cat', 120),
  files: await guest.succeed(
    'cd /etc/selinux && find . -type f ! -name "*.LOCK" -exec sha256sum {} + | sort -k 2',
    240,
  ),
  'as the image': await guest.succeed(
    `${imageOfEtc}diff --recursive --brief /etc/selinux $image/etc/selinux |
       sed -n "s/^Files .etc.selinux.default.\\(.*\\) and .*/\\1/p; t; p"`,
  ),
  'ostree config-diff': await guest.succeed(
    'if [ -d /usr/etc ]; then ostree admin config-diff; fi | sed -n "/selinux/{s/.* selinux.default.//;p}" | sort',
  ),
  'users and their labels': await guest.succeed('ls --context /etc/passwd /etc/group /etc/shadow /etc/gshadow'),
});

/**
 * The files in which `policyOf` may differ from the image after ostree has deployed an update: ostree runs
 * `semodule --refresh`, and Debian's semodule rewrites the compiled policy, even in an image without this module.
 */
const writtenByOstree = /^((active\/commit_num|active\/policy\.kern|policy\/policy\.\d+)(\n|$))*$/;

/** Expects the policy after an update to be the image's, except for what ostree itself writes. */
export const expectPolicyOfUpdate = async (guest: RunningGuest): Promise<void> => {
  const after = await policyOf(guest);
  expect(after).toMatchObject({ mode: 'Enforcing' });
  expect(after['as the image']).toMatch(writtenByOstree);
  expect(after['ostree config-diff']).toMatch(writtenByOstree);
};

/** What a recursive relabel of `paths` would change, as lines of `restorecon -n`; throws if it fails. */
export const wrongLabels = async (guest: RunningGuest, ...paths: string[]): Promise<string[]> => {
  const { stdout, code } = await guest.run(`set -o pipefail; restorecon -nRFv ${paths.join(' ')} 2>&1 | cat`, 180);
  if (code !== 0) throw new Error(`restorecon -n exited with ${code}: ${stdout}`);
  return stdout.split('\n').filter((line) => line !== '');
};

/** Waits up to `limit` seconds until a relabel would change nothing; then throws with what it would still change. */
export const waitForLabels = async (guest: RunningGuest, limit: number, ...paths: string[]): Promise<void> => {
  let wrong: string[] = [];
  try {
    await waitUntil(`the labels of ${paths.join(' ')}`, limit, async () => {
      wrong = await wrongLabels(guest, ...paths);
      return wrong.length === 0 ? true : undefined;
    });
  } catch (cause) {
    throw new Error(`still to be labelled after ${limit} s:\n${wrong.join('\n')}`, { cause });
  }
};

/** The current SELinux type of a file. */
export const typeOf = async (guest: RunningGuest, path: string): Promise<string> =>
  (await guest.succeed(`stat --format=%C ${path}`)).split(':')[2] ?? '';

/** A derivation that runs bash in Nix's sandbox; `b NAME ARGUMENTS…` runs the busybox applet of that name. */
const shellDerivation = (name: string, script: string): string => `derivation {
  name = "${name}";
  system = "x86_64-linux";
  builder = "/bin/sh";
  busybox = /usr/bin/busybox;
  args = [ "-c" ''
    b() { (exec -a "$1" $busybox "''\${@:2}"); }
    ${script.replaceAll('${', "''${")}
  '' ];
}
`;

/** Builds `script` as an unprivileged user and gives the store path; throws if the build fails. */
export const buildAs = async (guest: RunningGuest, user: string, name: string, script: string): Promise<string> => {
  await guest.write(`/tmp/${name}.nix`, shellDerivation(name, script));
  const command = `nix-build --no-out-link --option substitute false /tmp/${name}.nix`;
  const { code, stdout, stderr } = await guest.runAs(user, command, 180);
  if (code !== 0) throw new Error(`\`${command}\` exited with ${code}:\n${stdout}${stderr}`);
  return stdout.trim();
};

/**
 * A build script for a package with a program, a unit that runs it, and other files whose labels depend on their paths.
 */
export const packageScript = (name: string): string => `
    b mkdir -p $out/bin $out/sbin $out/lib/systemd/system $out/share/man $out/etc $out/libexec/bin $out/lib/${name}/bin
    for file in bin/${name} sbin/${name}d; do
      printf '#!/bin/bash\\n# %s\\ncat /proc/self/attr/current > /run/%s\\n' "$file" "${name}" > $out/$file
      b chmod 755 $out/$file
    done
    printf '[Service]\\nType=oneshot\\nRemainAfterExit=yes\\nExecStart=%s/bin/${name}\\n' "$out" \\
      > $out/lib/systemd/system/${name}.service
    for file in lib/${name}.so lib/${name}/bin/x share/man/${name} etc/${name}.conf libexec/bin/${name} ${name}.txt; do
      echo "${name} $file" > $out/$file
    done
    b ln -s bin $out/programs
    b ln -s ../lib/${name}.so $out/share/link`;

/**
 * Expects the first boot to install Nix with its labels and to leave the policy as the image has it. Gives the guest.
 */
export const labelledFirstBoot = async (lab: Lab, image: NixImage): Promise<RunningGuest> => {
  const machine = await lab.machine(await nixImage({ ...image, base: await baseFor(lab, 'lab-selinux-base') }));
  const guest = await machine.boot({ ...enforcing, until: 'control' });
  const before = await policyOf(guest);
  expect(before).toMatchObject({ mode: 'Enforcing', 'as the image': '', 'ostree config-diff': '' });
  await waitForNix(guest);
  expect(await policyOf(guest)).toEqual(before);
  expect(await wrongLabels(guest, '/nix', '/var/lib/nix')).toEqual([]);
  expect(await typeOf(guest, '$(readlink -f /usr/bin/nix)')).toBe('bin_t');
  expect(await buildAndRun(guest, 'first')).toBe('first was built by nix');
  expect(await nixFaults(guest)).toEqual([]);
  expect(await denials(guest)).toEqual([]);
  return guest;
};
