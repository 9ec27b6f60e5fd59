# Packages that are nothing but a name and a place: what a module makes of them shows in its output. Programs and files that
# a module writes keep their text.
{ lib }:

let
  package = name: {
    type = "derivation";
    inherit name;
    pname = name;
    outPath = "/nix/store/test-${name}";
    meta.mainProgram = name;
  };
  written = name: text: package name // { inherit text; };
in
lib.genAttrs [
  "bash" "bashInteractive" "claude-code" "codex" "curl" "erofs-utils" "fd" "file" "gcc" "gemini-cli" "gh" "git" "gnumake" "jq"
  "keystone-guest-agent" "nodejs" "pkg-config" "python3" "ripgrep" "systemd" "tmux" "tree" "unzip" "zellij"
] package
// {
  keystone-agent = package "keystone-agent" // { meta.mainProgram = "keystone"; };
  stdenv.hostPlatform = { parsed.cpu.name = "x86_64"; system = "x86_64-linux"; };
  closureInfo = { rootPaths }: package "closure-info" // { inherit rootPaths; };
  runCommand = name: arguments: text: written name text // arguments;
  writeShellScriptBin = written;
  writeText = written;
}
