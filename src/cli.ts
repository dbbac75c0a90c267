#!/usr/bin/env node
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import type { Source } from './commands/configuration.ts';
import { findModule } from './commands/module.ts';
import { processOutput } from './commands/output.ts';
import { type Architecture, architectureOf, architectures } from './config/architecture.ts';
import { type Format, formatDiagnostics, formats } from './diagnostic/format.ts';
import { UserError } from './diagnostic/user-error.ts';
import { type Compression, compressionOfFile, compressions } from './oci/compression-name.ts';

// The commands are imported when they are run: each loads only what it needs.
const usageError = 2;
const module = findModule(import.meta.dirname);
const output = processOutput();

const program = new Command('bluebuild-nix')
  .description('Bakes Nix into Fedora Atomic, Bazzite, Bluefin and Aurora images.')
  .version(module.version, '-V, --version', 'print the version')
  .helpOption('-h, --help', 'print this help')
  .helpCommand(false)
  .showHelpAfterError('(see bluebuild-nix --help)')
  .exitOverride();

const architectureOption = () =>
  new Option('--arch <name>', `the architecture of the image: ${architectures.join(', ')}`)
    .env('OS_ARCH')
    .default(architectureOf(process.arch), 'this machine')
    .argParser(parseArchitecture);
const withoutOption = (description = 'leave out a part that only an image build can do, instead of refusing') =>
  new Option('--without <part...>', description).default([]);
const configOption = () => new Option('--config <json>', 'the entry as JSON, as BlueBuild passes it');

program.hook('preSubcommand', async (_, command) => {
  const without = command.options.find((option) => option.attributeName() === 'without');
  if (without) without.choices((await import('./plan/plan.ts')).separableParts);
});

program
  .command('validate')
  .description('check recipes and report everything that is wrong')
  .argument('<recipe...>', 'recipe files; `from-file` and stages are followed')
  .addOption(architectureOption())
  .addOption(
    new Option('--format <format>', 'text; github for annotations in a workflow; json for programs')
      .choices(formats)
      .default('text'),
  )
  .action(async (recipes: string[], options: { arch: Architecture; format: Format }) => {
    const { validate } = await import('./commands/validate.ts');
    process.exitCode = validate(recipes, { architecture: options.arch, format: options.format }, output);
  });

program
  .command('plan')
  .description('show what would be baked, without touching anything')
  .argument('[recipe]', 'the recipe file')
  .addOption(configOption())
  .addOption(architectureOption())
  .option('--json', 'every entry with its mode, size and digest, as JSON')
  .option('--show <path>', 'the content of one file of the plan')
  .addOption(withoutOption('leave out a part that only an image build can do'))
  .action(
    async (
      recipe: string | undefined,
      options: { config?: string; arch: Architecture; json?: true; show?: string; without: string[] },
    ) => {
      const { plan } = await import('./commands/plan.ts');
      const { arch: architecture, json = false, show, without } = options;
      await plan(sourceOf(recipe, options.config), { architecture, json, show, without }, module, output);
    },
  );

program
  .command('bake')
  .description('bake into a root filesystem and show what was baked')
  .argument('[recipe]', 'the recipe file')
  .requiredOption('--root <directory>', 'the root of the image; created if its parent exists')
  .addOption(configOption())
  .addOption(architectureOption())
  .option('--cache <directory>', 'where downloads are kept (default: ~/.cache/bluebuild-nix)')
  .action(
    async (
      recipe: string | undefined,
      options: { root: string; config?: string; arch: Architecture; cache?: string },
    ) => {
      const { bake } = await import('./commands/bake.ts');
      const { root, arch: architecture, cache } = options;
      const bakeOptions = { architecture, root, cache, environment: process.env };
      await bake(sourceOf(recipe, options.config), bakeOptions, module, output);
    },
  );

program
  .command('layer')
  .description('write a layer, the same to the byte on every machine')
  .argument('[recipe]', 'the recipe file')
  .addOption(
    new Option('-o, --output <file>', 'the layer: .tar, .tar.gz or .tar.zst')
      .makeOptionMandatory()
      .argParser(parseLayer),
  )
  .addOption(configOption())
  .addOption(architectureOption())
  .addOption(withoutOption())
  .option('--cache <directory>', 'where downloads are kept (default: ~/.cache/bluebuild-nix)')
  .action(
    async (
      recipe: string | undefined,
      options: { output: LayerFile; config?: string; arch: Architecture; without: string[]; cache?: string },
    ) => {
      const { layer } = await import('./commands/layer.ts');
      const { output: layerFile, arch: architecture, without, cache } = options;
      const layerOptions = { architecture, ...layerFile, without, cache, environment: process.env };
      await layer(sourceOf(recipe, options.config), layerOptions, module, output);
    },
  );

program
  .command('append')
  .description('append a layer to an image in an OCI layout, without a container engine')
  .argument('[recipe]', 'the recipe file')
  .requiredOption('--base <image>', 'oci:DIRECTORY[:TAG] or oci-archive:FILE[:TAG]')
  .requiredOption('-o, --output <image>', 'the same; a layout gets one more image, an archive is replaced')
  .addOption(configOption())
  .addOption(
    new Option('--compression <name>', "of the layer; by default as the base's last layer").choices(compressions),
  )
  .addOption(new Option('--label <key=value>', 'a label for the image; may be repeated').argParser(parsePair))
  .addOption(
    new Option('--annotation <key=value>', 'an annotation for the manifest and the index; may be repeated').argParser(
      parsePair,
    ),
  )
  .addOption(withoutOption())
  .option('--keep-others', 'keep images of an index for unsupported architectures unchanged', false)
  .option('--cache <directory>', 'where downloads are kept (default: ~/.cache/bluebuild-nix)')
  .action(async (recipe: string | undefined, { config, label = {}, annotation = {}, ...rest }: AppendOptions) => {
    const { append } = await import('./commands/append.ts');
    const { base, output: target, compression, without, keepOthers, cache } = rest;
    const options = { base, output: target, compression, without, keepOthers, cache, environment: process.env };
    const source = sourceOf(recipe, config);
    await append(source, { ...options, labels: label, annotations: annotation }, module, output);
  });

program.addHelpText(
  'after',
  `
Examples:
  bluebuild-nix validate recipes/recipe.yml
  bluebuild-nix plan recipes/recipe.yml --show /usr/lib/systemd/system/nix.mount
  bluebuild-nix bake --root rootfs recipes/recipe.yml
  bluebuild-nix layer recipes/recipe.yml -o nix.tar.zst
  bluebuild-nix append recipes/recipe.yml --base oci:bluefin:stable -o oci:bluefin:nix

Exit codes: 0 success, 1 wrong input or failure, 2 wrong usage.`,
);

function parseArchitecture(name: string): Architecture {
  const architecture = architectureOf(name);
  if (!architecture) throw new InvalidArgumentError(`Allowed: ${architectures.join(', ')}.`);
  return architecture;
}

type AppendOptions = {
  base: string;
  output: string;
  config?: string;
  compression?: Compression;
  without: string[];
  label?: Record<string, string>;
  annotation?: Record<string, string>;
  keepOthers: boolean;
  cache?: string;
};

function parsePair(text: string, before: Record<string, string> = {}): Record<string, string> {
  const [, key, value] = /^([^=]+)=(.*)$/s.exec(text) ?? [];
  if (key === undefined || value === undefined) throw new InvalidArgumentError('It must be KEY=VALUE.');
  return { ...before, [key]: value };
}

type LayerFile = { file: string; compression: Compression };

function parseLayer(file: string): LayerFile {
  const compression = compressionOfFile(file);
  if (!compression) throw new InvalidArgumentError('Its name must end in .tar, .tar.gz, .tgz or .tar.zst.');
  return { file, compression };
}

function sourceOf(recipe: string | undefined, json: string | undefined): Source {
  if (recipe !== undefined && json === undefined) return { recipe };
  if (json !== undefined && recipe === undefined) return { json };
  return program.error('error: name one recipe, or give --config');
}

// No await here: the bundle is CommonJS, which Node starts in half the time.
void program.parseAsync().catch((cause: unknown) => {
  if (cause instanceof CommanderError) {
    process.exitCode = cause.exitCode === 0 ? 0 : usageError;
    return;
  }
  const { diagnostics } =
    cause instanceof UserError ? cause : new UserError(cause instanceof Error ? cause.message : String(cause));
  output.err(formatDiagnostics(diagnostics, 'text', output.errColors));
  process.exitCode = 1;
});
