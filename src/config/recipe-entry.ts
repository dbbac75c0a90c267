// Generated from modules/nix/nix.tsp by `npm run generate`. Do not edit.

/**
 * What installs Nix at first boot.
 */
export type Provider = 'determinate' | 'nixos' | 'native' | 'system';
/**
 * A SHA-256 digest in hexadecimal.
 */
export type Sha256 = string;
/**
 * One argument, passed to the installer as it is; no shell reads it.
 */
export type InstallerArgument = string;
/**
 * A value of nix.conf.
 */
export type NixConfValue = NixConfText | number | boolean | (NixConfText | number)[];
/**
 * One line of text, without `#`, which begins a comment in nix.conf.
 */
export type NixConfText = string;
/**
 * Whether something is done.
 */
export type Switch = 'off' | 'on';

/**
 * Installs Nix: every machine that boots the image has it, and keeps it through updates and rollbacks.
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
   * What installs Nix at first boot. `determinate`: Determinate's nix-installer. `nixos`: the nix-installer of NixOS.
   * `native`: the image itself, from Nix's official release, and each update of the image updates Nix. Each comes with a
   * version and its digest; a mapping sets more. `system`: nothing; the Nix is the package of the distribution, which the
   * image must have.
   */
  installer?: Provider | InstallerSettings;
  /**
   * The directory under `/var` that holds the store; it is bind-mounted on `/nix` and survives updates and rollbacks.
   * Names in it consist of letters, digits and `.`, `_`, `+`, `-`.
   */
  persistence?: string;
  /**
   * The kernel argument `root.transient=true`. `karg`: the image sets it, through bootc's kargs.d; stock ostree ignores
   * it. `initramfs`: the initramfs is rebuilt as well so that it takes effect: `/` is writable, and changes to it are
   * gone at the next boot. `off`: it is not set. `/nix` exists in every case.
   */
  'transient-root'?: 'karg' | 'initramfs' | 'off';
  'nix-conf'?: NixConf;
  /**
   * Whether the SELinux policy of the image covers `/nix`. `auto`: it does if the image has a policy. `on`: the same, and
   * an image without a policy is an error. `off`: it does not, and the installer may load its own at first boot.
   */
  selinux?: 'auto' | 'on' | 'off';
  /**
   * Whether Determinate's programs (its installer, its daemon, its Nix) send telemetry. `off`: they send none.
   * `determinate-systems`: they send it to the company of that name: the host name, operating system, hardware, boot time,
   * time zone and language of the machine, permanent random IDs, what they did and how it ended, and crash reports.
   */
  telemetry?: 'off' | 'determinate-systems';
  /**
   * Whether the machine looks after its store by itself: collects garbage, stores equal files once, and verifies what is in
   * it. `off`: it does not. `on`: it does, each week; a mapping sets more.
   */
  maintenance?: Switch | MaintenanceSettings;
}
export interface RecordUnknown {
  [k: string]: unknown;
}
/**
 * The installer and its settings.
 */
export interface InstallerSettings {
  /**
   * What installs Nix at first boot.
   */
  provider?: 'determinate' | 'nixos' | 'native' | 'system';
  /**
   * The release of the installer (`native`: of Nix), the built-in one by default. Any other needs its `sha256`.
   */
  version?: string;
  /**
   * Where to download it, the vendor's site by default: `https://…`, or `file:///tmp/files/…` for a file in the project's
   * `files/`. `{arch}` (`x86_64`, `aarch64`) and `{version}` are filled in. Needs its `sha256`.
   */
  url?: string;
  /**
   * The SHA-256 of the download, the built-in one by default: one digest, or one for each architecture.
   */
  sha256?: Sha256 | Sha256ByArchitecture;
  /**
   * `true`: the installer (`native`: Nix) is in the image, and first boot needs no network for it. `false`: first boot
   * downloads it and checks the same digest.
   */
  embed?: boolean;
  /**
   * More arguments for `nix-installer install ostree`; not with `native`, which runs no installer.
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
 * Settings for nix.conf: each a string, number, boolean or list. The installer gets them at first boot; with `native`
 * and `system` they are in the image. The default applies until `experimental-features` is set here.
 */
export interface NixConf {
  [k: string]: NixConfValue;
}
/**
 * What is done for the store, and when.
 */
export interface MaintenanceSettings {
  /**
   * How often garbage is collected. It waits while the machine runs on battery, installs Nix, updates itself or builds.
   */
  schedule?: 'daily' | 'weekly' | 'monthly';
  /**
   * The age of generations that are deleted, like `30d`, of profiles in `/nix/var/nix/profiles`; by default none are, and
   * what any profile or root holds stays.
   */
  'older-than'?: string;
  /**
   * Whether equal files are stored once.
   */
  optimise?: boolean;
  /**
   * Whether the whole store is verified, once a month.
   */
  verify?: boolean;
}
