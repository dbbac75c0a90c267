/**
 * Containers of an image with the module, and those of toolbox and distrobox, which have the session's variables and
 * may have its /nix.
 */
import { expect, test } from 'vitest';
import { needs } from '../../support/requirement.ts';
import { onMachine } from './machine.ts';

const profile = '/nix/var/nix/profiles/default';
const home = '/var/home/alice';
const native = { entry: { installer: { provider: 'native', version: '9.9.9' } } } as const;
// podman and toolbox create this file in their containers.
const container = `touch /run/.containerenv; mkdir -p ${home}\n`;
/** Bash that makes a store with Nix but without its daemon, as `--volume /nix:/nix` gives it. */
const shared = `mkdir -p /machine/store /machine/var/nix/profiles/default/{bin,etc/profile.d}
printf '#!/bin/sh\\necho "cannot connect to the daemon" >&2; exit 1\\n' >/machine/var/nix/profiles/default/bin/nix
chmod +x /machine/var/nix/profiles/default/bin/nix
echo 'PATH=${profile}/bin:$PATH' >/machine/var/nix/profiles/default/etc/profile.d/nix-daemon.sh
echo 'set --prepend PATH ${profile}/bin' >/machine/var/nix/profiles/default/etc/profile.d/nix-daemon.fish
mount --bind /machine /nix\n`;
const environment = `env -i HOME=${home} TERM=dumb PATH=/usr/bin:/bin`;
/** Bash that prints what each shell says when it starts, and which `nix` it finds. Nothing may be on stderr. */
const shells = `${environment} sh -lc 'command -v nix || echo none'; ${environment} bash -lc 'command -v nix || echo none'
${environment} fish --login --command 'command -s nix; or echo none'\n`;
const told = (command: string) => `bluebuild-nix ${command} 2>&1 || echo "exit $?"\n`;
const machine = 'This is a container, and this command looks after the Nix of a machine: run it there.';

test('a container of the image, without the machine’s /nix: shells start, there is no nix, and the command says so', async (context) => {
  needs(context, 'root', 'namespaces', 'fish');
  const without = 'It does not have the /nix of that machine; distrobox create --volume /nix:/nix shares it.';
  const here = `${container}${shells}sh -c nix 2>&1 || echo "exit $?"\n${told('status')}${told('uninstall --yes')}`;
  expect(await onMachine(`${here}rmdir /nix; ${shells}`, native)).toBe(
    ['none', 'none', 'none', 'sh: 1: nix: not found', 'exit 127']
      .concat([machine, without, 'exit 1', machine, without, 'exit 1', 'none', 'none', 'none'])
      .join('\n'),
  );
});

test('with the machine’s /nix and no daemon: shells find what is installed, Nix says what is missing, nothing is changed', async (context) => {
  needs(context, 'root', 'namespaces', 'fish');
  const store = 'It has a store in /nix, and no daemon: what is installed runs, and nothing can be built or installed.';
  const works = 'It has the /nix of that machine, and its daemon: Nix can be used.';
  const daemon = `mkdir /nix/var/nix/daemon-socket
perl -e 'use IO::Socket::UNIX; IO::Socket::UNIX->new(Local => "/nix/var/nix/daemon-socket/socket", Listen => 1) or die'\n`;
  const here = `${container}${shared}${shells}nix 2>&1 || echo "exit $?"\n${told('uninstall --yes')}${daemon}${told('repair')}ls /nix`;
  expect(await onMachine(here, native)).toBe(
    [`${profile}/bin/nix`, `${profile}/bin/nix`, `${profile}/bin/nix`, 'cannot connect to the daemon', 'exit 1']
      .concat([machine, store, 'exit 1', machine, works, 'exit 1', 'store', 'var'])
      .join('\n'),
  );
});

test('a terminal of which only the host knows: a container of distrobox, which has the session’s variables, finds it', async (context) => {
  needs(context, 'root', 'namespaces');
  const found = await onMachine(`mkdir -p /nix/var/nix/profiles ${home} /run/host/usr/share/terminfo
printf 'lab-terminal|known to the host,\\n\\tam, cols#77,\\n' >/tmp/terminal; tic -o /run/host/usr/share/terminfo /tmp/terminal
eval "$(${environment} /usr/lib/systemd/user-environment-generators/70-nix | grep TERMINFO_DIRS)"; export TERMINFO_DIRS
TERM=lab-terminal tput cols; TERM=xterm tput cols`);
  expect(found).toMatch(/^77\n\d+$/);
});
