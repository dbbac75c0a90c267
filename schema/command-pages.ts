/** What `bluebuild-nix` on the machine says of itself: help, man page and completions, all from what is below. */

type Command = { name: string; argument?: string; text: string; root?: true; options?: Record<string, string> };

const summary = 'manages the Nix that came with the image';
const introduction = 'Nix came with the image that this machine booted. This command shows its state and repairs it.';

const commands: readonly Command[] = [
  {
    name: 'status',
    text: 'Shows whether Nix can be used, or why not and what to do; which Nix it is, where its store is, how much space it takes, and when garbage was last collected.',
    options: {
      '--json': 'the same for programs',
      '--size': 'measure the store on the disk, which takes a while',
    },
  },
  {
    name: 'doctor',
    text: 'Looks for problems, and shows each with the command that fixes it. It changes nothing (it builds a tiny package to see whether builds work). As root it checks more. The exit code is 1 if something is wrong.',
    options: {
      '--all': 'read the whole store, which takes a while',
      '--json': 'the same for programs',
      '--fix': 'run these commands, after asking',
      '--yes': 'with --fix, do not ask',
    },
  },
  {
    name: 'log',
    text: 'Shows the journal of the services that install and maintain Nix, since boot.',
    options: { '--all': 'of all boots' },
  },
  {
    name: 'repair',
    root: true,
    text: 'Repairs the installation: mounts the store, installs Nix where it is missing, restores users and settings, then verifies the whole store and replaces what is damaged.',
  },
  {
    name: 'move',
    root: true,
    argument: '[DIRECTORY]',
    text: 'Moves the store to the directory that this image keeps it in, from another disk; or to another disk, to a directory that you name. Nix cannot be used meanwhile.',
  },
  {
    name: 'collect-garbage',
    root: true,
    text: 'Deletes what nothing needs any more. Installed packages are kept.',
    options: { '--older-than': 'first delete generations of profiles that are older, such as 30d' },
  },
  {
    name: 'uninstall',
    root: true,
    text: 'Deletes Nix, its users, and its store with everything installed in it. It lists what it deletes, and asks. The image installs a new Nix at the next boot.',
    options: { '--keep-out': 'not at the next boot either', '--yes': 'do not ask' },
  },
];

/** The pages by their path in the repository. */
export function commandPages(): [path: string, text: string][] {
  const files = 'modules/nix/files/command/usr/share';
  return [
    [`${files}/bluebuild/nix/help`, help()],
    [`${files}/man/man8/bluebuild-nix.8`, manPage()],
    [`${files}/bash-completion/completions/bluebuild-nix`, bashCompletion()],
    [`${files}/zsh/site-functions/_bluebuild-nix`, zshCompletion()],
    [`${files}/fish/vendor_completions.d/bluebuild-nix.fish`, fishCompletion()],
  ];
}

const notice = 'Generated from schema/command-pages.ts by `npm run generate`. Do not edit.';
const optionsOf = ({ options = {} }: Command) => Object.entries(options);
/** What follows `--older-than` is an argument of the person's. */
const withValue = (option: string) => (option === '--older-than' ? `${option} AGE` : option);
const usage = (command: Command) =>
  [
    command.root ? 'sudo bluebuild-nix' : 'bluebuild-nix',
    command.name,
    ...(command.argument === undefined ? [] : [command.argument]),
    ...optionsOf(command).map(([option]) => `[${withValue(option)}]`),
  ].join(' ');

function help(): string {
  const one = (command: Command) =>
    `${usage(command)}\n${wrap(command.text, '    ')}\n${optionsOf(command)
      .map(([option, text]) => `    ${withValue(option).padEnd(18)}${text}\n`)
      .join('')}`;
  return `bluebuild-nix of a machine: ${summary}. (The one on npm builds images.)\n${wrap(introduction, '')}\n\n${commands.map(one).join('\n')}
More: man bluebuild-nix; https://github.com/bluebuild-nix/bluebuild-nix
`;
}

function wrap(text: string, indent: string): string {
  const lines = [''];
  for (const word of text.split(' ')) {
    const last = lines.at(-1) ?? '';
    if (last !== '' && `${indent}${last} ${word}`.length > 80) lines.push(word);
    else lines[lines.length - 1] = last === '' ? word : `${last} ${word}`;
  }
  return lines.map((line) => `${indent}${line}`).join('\n');
}

/** In man(7). A hyphen that is typed is `\-`. */
function manPage(): string {
  const typed = (text: string) => text.replaceAll('-', '\\-');
  const one = (command: Command) =>
    `.SS ${typed(usage(command))}\n${command.text}\n${optionsOf(command)
      .map(([option, text]) => `.TP\n.B ${typed(withValue(option))}\n${text}\n`)
      .join('')}`;
  return `.\\" ${notice}
.TH BLUEBUILD\\-NIX 8 "" bluebuild\\-nix
.SH NAME
bluebuild\\-nix \\- manages the Nix that came with the image of this machine
.SH SYNOPSIS
.B bluebuild\\-nix
.I command
.RI [ option ]...
.SH DESCRIPTION
${introduction}
.SH COMMANDS
${commands.map(one).join('')}.SH EXIT STATUS
0: success, or no problem found. 1: failure, or a problem found. 2: wrong usage.
.SH FILES
.TP
.I /nix
where programs find the store
.TP
.I /usr/share/bluebuild/nix/configuration.yml
what was built into the image
.TP
.I /nix/var/bluebuild\\-nix
the state of the services; files that they moved out of /etc are in its directory set\\-aside
.SH SEE ALSO
.BR nix (1),
https://github.com/bluebuild\\-nix/bluebuild\\-nix
`;
}

const names = commands.map(({ name }) => name);
const optionNames = (command: Command) => optionsOf(command).map(([option]) => option);

function bashCompletion(): string {
  const cases = commands.flatMap((command) =>
    command.options ? [`    ${command.name}) words='${optionNames(command).join(' ')}' ;;\n`] : [],
  );
  return `# shellcheck shell=bash
# ${notice}
_bluebuild_nix() {
    local words=''
    case $COMP_CWORD:\${COMP_WORDS[1]} in
    1:*) words='${[...names, '--help'].join(' ')}' ;;
    *:${cases.join('    *:').trimStart()}    esac
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}")
}
complete -F _bluebuild_nix bluebuild-nix
`.replaceAll('    *:    ', '    *:');
}

/** Its first sentence, for a menu. */
const brief = ({ text }: Command) => text.replace(/[.:;,].*$/s, '').replaceAll("'", '’');

function zshCompletion(): string {
  const cases = commands.flatMap((command) =>
    command.options
      ? [
          `    ${command.name}) _arguments ${optionsOf(command)
            .map(([option, text]) => `'${option}[${text}]${option === '--older-than' ? ':age' : ''}'`)
            .join(' ')} ;;\n`,
        ]
      : [],
  );
  return `#compdef bluebuild-nix
# ${notice}
local -a commands=(
${commands.map((command) => `    '${command.name}:${brief(command)}'\n`).join('')})
if ((CURRENT == 2)); then
    _describe command commands
else
    local command=$words[2]
    shift words
    ((CURRENT -= 1))
    case $command in
${cases.join('')}    esac
fi
`;
}

function fishCompletion(): string {
  const lines = commands.flatMap((command) => [
    `complete -c bluebuild-nix -n __fish_use_subcommand -a ${command.name} -d '${brief(command)}'`,
    ...optionsOf(command).map(
      ([option, text]) =>
        `complete -c bluebuild-nix -n '__fish_seen_subcommand_from ${command.name}' -l ${option.slice(2)}${option === '--older-than' ? ' -x' : ''} -d '${text}'`,
    ),
  ]);
  return `# ${notice}\ncomplete -c bluebuild-nix -f\n${lines.join('\n')}\n`;
}
