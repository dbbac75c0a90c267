import type { NixImage } from './nix-image.ts';

/**
 * Options of `nixImage` for `installer: system` with the Nix package of a Debian suite; `trixie` has the older one. It
 * is installed as a Containerfile would, together with `more` packages, and the user `lab` is allowed to use it (see
 * Debian's README).
 */
export const system = (suite: 'forky' | 'trixie' = 'forky', ...more: string[]): NixImage => ({
  entry: { installer: { provider: 'system' } },
  before: [
    // Only Nix comes from `suite`; everything else comes from the base's suite.
    `RUN mkdir -p /var/lib/apt/lists/partial /var/cache/apt/archives/partial && \\
      echo 'deb http://deb.debian.org/debian ${suite} main' >/etc/apt/sources.list.d/nix.list && \\
      printf 'Package: src:nix\\nPin: release n=${suite}\\nPin-Priority: 1001\\n' >/etc/apt/preferences.d/nix && \\
      apt-get -o Acquire::Check-Valid-Until=false update && \\
      DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends \\
        ${['nix-bin', 'nix-setup-systemd', ...more].join(' ')} && \\
      usermod --append --groups nix-users lab && \\
      rm -r /etc/apt/sources.list.d/nix.list /etc/apt/preferences.d/nix /var/lib/apt /var/cache/apt`,
  ],
});
