# Packages that are nothing but a name and a place: what a module makes of them shows in its output. Programs and files that
# a module writes keep their text.
{ lib, place ? (name: "/nix/store/test-${name}") }:

let
  package = name: {
    type = "derivation";
    inherit name;
    pname = name;
    outPath = place name;
    meta.mainProgram = name;
  };
  called = name: program: package name // { meta.mainProgram = program; };
  written = name: text: package name // { inherit text; };
in
lib.genAttrs [
  "bash" "bashInteractive" "codex" "curl" "erofs-utils" "fd" "file" "gcc" "gh" "git" "gnumake" "jq" "keystone-guest-agent"
  "nodejs" "pkg-config" "python3" "ripgrep" "systemd" "tmux" "tree" "unzip" "zellij"
] package
// {
  claude-code = called "claude-code" "claude";
  gemini-cli = called "gemini-cli" "gemini";
  keystone-agent = called "keystone-agent" "keystone";

  stdenv.hostPlatform = { parsed.cpu.name = "x86_64"; system = "x86_64-linux"; };
  closureInfo = { rootPaths }: package "closure-info" // { inherit rootPaths; };
  runCommand = name: arguments: text: written name text // arguments;
  writeShellScriptBin = written;
}
