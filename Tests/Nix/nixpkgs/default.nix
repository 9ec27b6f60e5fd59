# A nixpkgs of ours, as far as nix/flake.nix asks for one: { lib, legacyPackages }. Its packages are names; what really is to be
# built can be put in their place.
{ swiftVersion ? "6.2", packages ? import ../packages.nix { lib = import ../lib; }, toplevel ? "/nix/store/test-system" }:

let
  lib = import ../lib;
  stub = name: { type = "derivation"; inherit name; pname = name; outPath = "/nix/store/test-${name}"; };

  withFunctions = set: set // {
    inherit lib;
    swift = stub "swift" // { version = swiftVersion; };
    stdenv = set.stdenv // { mkDerivation = arguments: stub arguments.pname // arguments; };
    mkShell = arguments: stub "shell" // arguments;
    testers.runNixOSTest = arguments: stub arguments.name // arguments;
  } // lib.genAttrs [
    "busybox" "cpio" "installShellFiles" "makeBinaryWrapper" "nixfmt" "nixfmt-tree" "qemu_kvm" "swiftpm" "xz"
  ] stub;

  # As nixpkgs' callPackage: arguments by name, from the package set.
  extend = overlay:
    let
      base = withFunctions packages;
      callPackage = file: arguments:
        let f = import file; in f (builtins.intersectAttrs (builtins.functionArgs f) final // arguments);
      final = base // { inherit callPackage; } // overlay final base;
    in
    final;
in
{
  legacyPackages.x86_64-linux = { inherit extend; };
  lib = lib // {
    nixosSystem = { modules }: lib.evalModules {
      modules = [
        ../nixos-options.nix
        { options.nixpkgs.hostPlatform = lib.mkOption { type = lib.types.anything; }; }
        { system.build = { inherit toplevel; }; }
      ] ++ modules;
      specialArgs.pkgs = packages;
    };
  };
}
