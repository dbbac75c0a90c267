// Generated from modules/nix/nix.tsp by `npm run generate`. Do not edit.

/**
 * Who lays Nix down at first boot.
 */
export type Provider = 'determinate' | 'nixos' | 'native';
/**
 * A SHA-256 digest in hexadecimal.
 */
export type Sha256 = string;
/**
 * One argument, as the installer receives it: no shell ever reads it.
 */
export type InstallerArgument = string;
/**
 * A value of nix.conf.
 */
export type NixConfValue = NixConfText | number | boolean | (NixConfText | number)[];
/**
 * One line of text. `#` would begin a comment in nix.conf.
 */
export type NixConfText = string;

/**
 * Bakes Nix into the image: every machine that boots it has Nix, and keeps it through updates and rollbacks.
 */
export interface RecipeEntry {
  /**
   * The nix module.
   */
  type: 'nix' | 'nix@v1' | 'nix@latest';
  /**
   * BlueBuild's own key: the image this module comes from, or `local`.
   */
  source?: string;
  /**
   * BlueBuild's own key: run the module again on every build.
   */
  'no-cache'?: boolean;
  /**
   * BlueBuild's own key: environment variables for this module.
   */
  env?: {
    [k: string]: string | number | boolean;
  };
  /**
   * BlueBuild's own key: secrets mounted for this module.
   */
  secrets?: RecordUnknown[];
  /**
   * Who lays Nix down at first boot: `determinate` (Determinate's nix-installer), `nixos` (NixOS's nix-installer),
   * `native` (this module itself, from the official binary tarball; Nix then follows the image), or an object with more
   * settings.
   */
  installer?: Provider | InstallerSettings;
  /**
   * Where the store lives: a directory under /var, bind-mounted on /nix. It outlives updates and rollbacks of the image.
   * Letters, digits and `.`, `_`, `+`, `-` in its names.
   */
  persistence?: string;
  /**
   * What becomes of the kernel argument `root.transient=true`. `karg`: the image sets it through bootc's kargs.d (stock
   * ostree does not read it). `initramfs`: the initramfs is rebuilt, too, so that it takes effect: / can be written, and
   * what was written is gone at the next boot. `off`: neither. /nix exists in every case.
   */
  'transient-root'?: 'karg' | 'initramfs' | 'off';
  'nix-conf'?: NixConf;
  /**
   * Build the SELinux policy for /nix into the image's own. `auto`: if the image has a policy. `on`: an image without one
   * is an error. `off`: the installer may load its own at first boot.
   */
  selinux?: 'auto' | 'on' | 'off';
}
export interface RecordUnknown {
  [k: string]: unknown;
}
/**
 * The installer, with more settings than its name.
 */
export interface InstallerSettings {
  /**
   * Who lays Nix down at first boot.
   */
  provider?: 'determinate' | 'nixos' | 'native';
  /**
   * The release of the installer (for `native`: of Nix). A release other than the built-in one needs its `sha256`.
   */
  version?: string;
  /**
   * Where to get it: `https://…`, or `file:///tmp/files/…` for a file of the project. `{arch}` (x86_64, aarch64) and
   * `{version}` are replaced. Needs its `sha256`.
   */
  url?: string;
  /**
   * The SHA-256 of the download: one digest, or one for each architecture.
   */
  sha256?: Sha256 | Sha256ByArchitecture;
  /**
   * `true`: the installer (for `native`: Nix) lies in the image, and first boot needs no network for it. `false`: first
   * boot downloads it.
   */
  embed?: boolean;
  /**
   * More arguments for `nix-installer install ostree`; not with `native`, which runs none.
   */
  args?: InstallerArgument[];
}
/**
 * One digest for each architecture.
 */
export interface Sha256ByArchitecture {
  /**
   * A SHA-256 digest in hexadecimal.
   */
  x86_64?: string;
  /**
   * A SHA-256 digest in hexadecimal.
   */
  aarch64?: string;
}
/**
 * Settings for nix.conf: a name, and a string, number, boolean or list. `experimental-features` is
 * `[nix-command, flakes]` unless it is set here.
 */
export interface NixConf {
  [k: string]: NixConfValue;
}
