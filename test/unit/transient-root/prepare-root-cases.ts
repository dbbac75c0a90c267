/** What prepare-root.conf can contain, and how ostree reads it (otcore-prepare-root.c; tested with its own binary). */
export type PrepareRootCase = {
  name: string;
  text: string;
  /** Whether `root.transient=true` is possible. `maybe` means only if the deployment has a composefs image. */
  allows: 'yes' | 'no' | 'maybe';
  /** Whether the file as shipped turns on `[root] transient`. */
  shipped?: true;
};

export const prepareRootCases: PrepareRootCase[] = [
  { name: 'Fedora Atomic 44', text: '[composefs]\nenabled = yes\n[sysroot]\nreadonly = true\n', allows: 'yes' },
  { name: 'no newline at its end', text: '[composefs]\nenabled=true', allows: 'yes' },
  { name: 'DOS line ends', text: '[composefs]\r\nenabled = 1\r\n', allows: 'yes' },
  { name: 'signed', text: '[composefs]\nenabled = signed\nkeypath = /etc/key\n', allows: 'yes' },
  { name: 'verity', text: '[composefs]\nenabled = verity\n', allows: 'yes' },
  { name: 'maybe', text: '[composefs]\nenabled = maybe\n', allows: 'maybe' },
  { name: 'indented, with comments', text: '# enabled = no\n  [composefs]\n\t enabled\t=  yes\n#[x]\n', allows: 'yes' },
  { name: 'the last value counts', text: '[composefs]\nenabled = no\nenabled = yes\n', allows: 'yes' },
  { name: 'the last value counts, off', text: '[composefs]\nenabled = yes\nenabled = no\n', allows: 'no' },
  {
    name: 'a group in two parts',
    text: '[composefs]\nenabled = no\n[etc]\na = b\n[composefs]\nenabled = 1\n',
    allows: 'yes',
  },
  { name: 'a key of another group', text: '[etc]\nenabled = yes\n[composefs]\n', allows: 'no' },
  { name: 'composefs off', text: '[composefs]\nenabled = no\n', allows: 'no' },
  { name: 'composefs false', text: '[composefs]\nenabled = false\n', allows: 'no' },
  { name: 'composefs 0', text: '[composefs]\nenabled = 0\n', allows: 'no' },
  { name: 'nothing of composefs', text: '[sysroot]\nreadonly = true\n', allows: 'no' },
  { name: 'empty', text: '', allows: 'no' },
  { name: 'a [root] of its own', text: '[root]\nother = 1\n[composefs]\nenabled = yes\n', allows: 'yes' },
  { name: 'transient off', text: '[root]\ntransient = false\n[composefs]\nenabled = yes\n', allows: 'yes' },
  {
    name: 'transient on',
    text: '[root]\ntransient = true\n[composefs]\nenabled = yes\n',
    allows: 'yes',
    shipped: true,
  },
  { name: 'transient 1', text: '[composefs]\nenabled = yes\n[root]\ntransient=1\n', allows: 'yes', shipped: true },
  { name: 'transient-ro on', text: '[root]\ntransient-ro = true\n[composefs]\nenabled = yes\n', allows: 'no' },
  { name: 'transient-ro off', text: '[root]\ntransient-ro = false\n[composefs]\nenabled = yes\n', allows: 'yes' },
];
