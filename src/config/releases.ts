import type { Architecture } from './architecture.ts';
import type { Provider } from './recipe-entry.ts';

/** A release that is built in: what a recipe gets that names no other. */
export type Release = {
  version: string;
  /** With `{version}` and `{arch}` to be filled in. */
  url: string;
  sha256: Record<Architecture, string>;
};

/** Each digest was found the same in three or more independent places (the vendor's site, its releases, packagers). */
export const releases: Record<Provider, Release> = {
  determinate: {
    version: '3.21.9',
    url: 'https://install.determinate.systems/nix/tag/v{version}/nix-installer-{arch}-linux',
    sha256: {
      x86_64: '58cf15422853e95187405d66b0cdb306e66f602218ee0032386c46b1b776a6d1',
      aarch64: '3e4f83cc87025c2890293cd2a8b6889ad2a0f7c5394f87ba8ad4fc958cf2aaea',
    },
  },
  nixos: {
    version: '2.35.2',
    url: 'https://github.com/NixOS/nix-installer/releases/download/{version}/nix-installer-{arch}-linux',
    sha256: {
      x86_64: '5448a1cd70ad945cb4d36365defbaf3731eba38e23859f3dc8bd7418e1946acc',
      aarch64: 'a1b35e56da5adadbc117c3cf17b83948ac657f3c0bd79d47bbe0aa70832b5c8e',
    },
  },
  native: {
    version: '2.35.2',
    url: 'https://releases.nixos.org/nix/nix-{version}/nix-{version}-{arch}-linux.tar.xz',
    sha256: {
      x86_64: '0c3960a9792331a22081c3c7a5d8465db9b17c50b3acdf18587fa4c6f2cb1158',
      aarch64: '4d0302a2910f5eec1c33b8deef634f04899a75737e7001ec49908d003ae5efda',
    },
  },
};
