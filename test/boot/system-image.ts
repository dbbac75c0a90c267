import type { NixImage } from './nix-image.ts';

/**
 * What `nixImage` takes for an image with `installer: system` and the Nix that a Debian suite packages: `trixie` has the
 * older. It is installed as a Containerfile would, and the user `lab` may use it (Debian's README).
 */
export const system = (suite: 'forky' | 'trixie' = 'forky'): NixImage => ({
  entry: { installer: { provider: 'system' } },
  before: [
    `RUN mkdir -p /var/lib/apt/lists/partial /var/cache/apt/archives/partial && \\
      echo 'deb http://deb.debian.org/debian ${suite} main' >/etc/apt/sources.list.d/nix.list && \\
      apt-get -o Acquire::Check-Valid-Until=false update && \\
      DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends --target-release ${suite} \\
        nix-bin nix-setup-systemd && \\
      usermod --append --groups nix-users lab && \\
      rm -r /etc/apt/sources.list.d/nix.list /var/lib/apt /var/cache/apt`,
  ],
});
