"""Runs the program in a terminal and writes what it shows as SVG, light and dark, into the directory that is named."""

import fcntl
import io
import os
import pty
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import termios
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import DEFAULT_TERMINAL_THEME, SVG_EXPORT_THEME
from rich.text import Text

repository = Path(__file__).resolve().parent.parent
node = repository / "node_modules/.bin/node"
columns = 100
themes = {"light": DEFAULT_TERMINAL_THEME, "dark": SVG_EXPORT_THEME}

mistaken_recipe = """\
name: my-bazzite
description: Bazzite, with Nix
base-image: ghcr.io/ublue-os/bazzite
image-version: stable
modules:
  - type: nix
    source: ghcr.io/bluebuild-nix/bluebuild-nix:v1
    installer:
      provder: native
    persistence: home/nix
    transient-root: yes
"""


def show(arguments: list[str], directory: Path) -> str:
    """What a person sees who runs the released program: this checkout's is the same."""
    terminal, program_side = pty.openpty()
    fcntl.ioctl(program_side, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    environment = {"HOME": str(directory), "OS_ARCH": "x86_64", "PATH": os.environ["PATH"], "TERM": "xterm-256color"}
    command = [node, repository / "src/cli.ts", *arguments]
    streams = {"stdin": subprocess.DEVNULL, "stdout": program_side, "stderr": program_side}
    program = subprocess.Popen(command, cwd=directory, env=environment, **streams)
    os.close(program_side)
    shown = b""
    while True:
        try:
            part = os.read(terminal, 65536)
        except OSError:  # EIO: the program has closed its side.
            break
        if not part:
            break
        shown += part
    program.wait()
    os.close(terminal)
    return shown.decode().replace("\r\n", "\n").rstrip("\n")


def picture(name: str, arguments: list[str], directory: Path, target: Path) -> None:
    text = Text.from_ansi(f"$ npx bluebuild-nix@1 {' '.join(arguments)}\n{show(arguments, directory)}")
    if longest := [line for line in text.plain.split("\n") if len(line) > columns]:
        sys.exit(f"{name}: wider than the {columns} columns of the picture: {longest}")
    for theme_name, theme in themes.items():
        console = Console(record=True, width=columns, file=io.StringIO(), force_terminal=True)
        console.print(text, no_wrap=True, overflow="ignore", crop=False)
        svg = console.export_svg(title="bluebuild-nix", theme=theme, unique_id=name)
        # An edge that is seen on white as well.
        svg = svg.replace('stroke="rgba(255,255,255,0.35)"', 'stroke="rgba(127,127,127,0.5)"')
        # It would load a font from elsewhere. Widths are in the text, so that any monospace does.
        svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
        (target / f"{name}-{theme_name}.svg").write_text(svg, encoding="utf-8")


target = Path(sys.argv[1])
target.mkdir(parents=True, exist_ok=True)
with tempfile.TemporaryDirectory() as temporary:
    directory = Path(temporary)
    recipes = directory / "recipes"
    shutil.copytree(repository / "examples/bazzite/recipes", recipes)
    picture("bake", ["bake", "--root", "rootfs", "recipes/recipe.yml"], directory, target)
    (recipes / "recipe.yml").write_text(mistaken_recipe, encoding="utf-8")
    picture("refusal", ["validate", "recipes/recipe.yml"], directory, target)
