/** The architectures Universal Blue and Fedora Atomic are built for, by the names of BlueBuild's OS_ARCH and of bootc. */
export const architectures = ['x86_64', 'aarch64'] as const;
export type Architecture = (typeof architectures)[number];

/** The architecture by any of the names that uname, BlueBuild, Node and OCI have for it. */
export function architectureOf(name: string): Architecture | undefined {
  return names.get(name);
}

const names = new Map<string, Architecture>([
  ['x86_64', 'x86_64'],
  ['x64', 'x86_64'],
  ['amd64', 'x86_64'],
  ['aarch64', 'aarch64'],
  ['arm64', 'aarch64'],
]);
