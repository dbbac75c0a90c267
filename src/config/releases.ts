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
export const releases: Record<Exclude<Provider, 'native'>, Release> = {
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
};
