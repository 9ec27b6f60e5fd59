# What working on Keystone Agent takes: `nix develop ./nix`. The completion of the programs that were built last is loaded in
# bash and zsh, whichever started the shell.
{ mkShell, swift, swiftpm, qemu_kvm, busybox, git, cpio, erofs-utils, jq, nixfmt, tmux, xz }:

mkShell {
  packages = [ swift swiftpm qemu_kvm busybox git cpio erofs-utils jq nixfmt tmux xz ];

  shellHook = ''
    top=$(git rev-parse --show-toplevel 2>/dev/null || pwd)
    export PATH="$top/.build/release:$PATH"
    if command -v keystone > /dev/null; then
        if [ -n "''${ZSH_VERSION:-}" ]; then eval "$(keystone agent completion zsh)"
        elif [ -n "''${BASH_VERSION:-}" ]; then eval "$(keystone agent completion bash)"
        fi
    else
        echo "Build the programs with host-module/build; they are found in PATH then." >&2
    fi
  '';
}
