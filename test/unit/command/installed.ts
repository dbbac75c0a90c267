import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { distributionNix, firstBoot } from '../nix-install/first-boot.ts';

const standIn = readFileSync(join(import.meta.dirname, 'stand-in-for-nix'), 'utf8');

/** An image with a distribution's Nix and its settings. */
export const ofDistribution = {
  entry: { installer: 'system' as const },
  before: `${distributionNix('2.31.2')}for etc in /etc /usr/etc; do
mkdir -p $etc/nix; echo 'max-jobs = auto' >$etc/nix/nix.conf; done\n`,
};

/** Runs bash on a machine that has booted once, with a stand-in for Nix in its store; gives what it prints. */
export async function onMachine(script: string, options: Parameters<typeof firstBoot>[1] = {}): Promise<string> {
  const after = `bin=/nix/var/nix/profiles/default/bin
if [ ! -e $bin ]; then bin=/usr/bin; fi
cat >$bin/nix <<'end-of-nix'
${standIn}end-of-nix
chmod +x $bin/nix
for name in nix-build nix-store nix-collect-garbage; do ln -sf nix $bin/$name; done
: >/run/asked-nix
chmod 666 /run/asked-nix
mkdir /nix/store/{a,b}aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-x
broken() { printf '%s\\n' "$@" >/run/broken; }
# shown ACTIVE-STATE SUB-STATE STATUS-TEXT [STATE OF THE SOCKET]: what systemd says of the services.
shown() {
    printf 'Id=nix-install.service\\nActiveState=%s\\nSubState=%s\\nStatusText=%s\\n\\nId=nix-daemon.socket\\nActiveState=%s\\n' \\
        "$1" "$2" "$3" "\${4-active}" >/run/shown
}
${script}`;
  return (await firstBoot('dash', { ...options, after })).found;
}
