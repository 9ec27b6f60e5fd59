# The guest module evaluated with a user's configuration: { config, options }.
{ lib ? import ./lib, packages ? import ./packages.nix { inherit lib; }, modules ? [ ] }:

lib.evalModules {
  modules = [ ./nixos-options.nix ../../guest-module ] ++ modules;
  specialArgs.pkgs = packages;
}
