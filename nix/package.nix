# Keystone Agent from this checkout. SwiftPM and nothing else: there are no dependencies, so there is no hash to pin.
#
# `programs` says what is built: all that the host needs (default), or the guest agent alone, which an image holds.
{ lib
, stdenv
, swift
, swiftpm
, installShellFiles
, makeBinaryWrapper
, git
, qemu_kvm
, xz
, programs ? [ "keystone" "keystone-vhost-vsock" "keystone-guest-agent" ]
}:

let
  inherit (lib) concatMapStringsSep elem fileset getVersion makeBinPath optionalString optionals versionAtLeast;

  # Package.swift's tools version, and typed throws as the sources use them.
  oldest = "6.1";
  isHost = elem "keystone" programs;
in
assert versionAtLeast (getVersion swift) oldest || throw ''
  Keystone Agent needs Swift ${oldest}, and this nixpkgs has ${getVersion swift}.
  Let it follow a newer one: inputs.keystone.inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";
'';

stdenv.mkDerivation {
  pname = if isHost then "keystone-agent" else "keystone-guest-agent";
  version = import ./version.nix { inherit lib; };

  # The manifest names the test targets too, and SwiftPM looks for their folders.
  src = fileset.toSource {
    root = ../.;
    fileset = fileset.unions [ ../Package.swift ../Sources ../Tests ];
  };

  nativeBuildInputs = [ swift swiftpm ] ++ optionals isHost [ installShellFiles makeBinaryWrapper ];
  strictDeps = true;
  __structuredAttrs = true;
  dontUseSwiftpmInstall = true;

  # Static where the toolchain brings what that takes: one file then runs in any guest. Dynamic programs work as well, in
  # an image that Nix made.
  buildPhase = ''
    runHook preBuild
    export HOME=$TMPDIR
    flags=(--configuration release --disable-sandbox -j "$NIX_BUILD_CORES" -Xlinker -s)
    resources=$(dirname "$(dirname "$(readlink -f "$(command -v swiftc)")")")/lib/swift_static
    if [ -e "$resources/linux/static-executable-args.lnk" ]; then
        flags+=(-Xswiftc -static-executable)
    fi
    ${concatMapStringsSep "\n    " (program: "swift build \"\${flags[@]}\" --product ${program}") programs}
    runHook postBuild
  '';

  installPhase = ''
    runHook preInstall
    binaries=$(swift build "''${flags[@]}" --show-bin-path)
    ${concatMapStringsSep "\n    " (program: "install -Dm755 \"$binaries/${program}\" \"$out/bin/${program}\"") programs}
    ${optionalString isHost ''
      ln -s keystone "$out/bin/keystone-agent"
      for shell in bash zsh fish; do
          "$out/bin/keystone" agent completion $shell > keystone.$shell
      done
      "$out/bin/keystone" agent man > keystone-agent.1
      installManPage keystone-agent.1
      installShellCompletion --cmd keystone --bash keystone.bash --zsh keystone.zsh --fish keystone.fish
      wrapProgram "$out/bin/keystone" --inherit-argv0 --suffix PATH : ${makeBinPath [ git qemu_kvm xz ]}
    ''}
    runHook postInstall
  '';

  meta = {
    description = "Sandboxes in which coding agents work on a project without touching the machine";
    mainProgram = if isHost then "keystone" else "keystone-guest-agent";
    platforms = [ "x86_64-linux" ];
  };
}
