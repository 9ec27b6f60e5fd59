# The host modules evaluated with a user's configuration: { nixos, home }, each { config, options }.
{ lib ? import ./lib, packages ? import ./packages.nix { inherit lib; }, modules ? [ ] }:

let
  evaluate = base: module: lib.evalModules {
    modules = [ base module ] ++ modules;
    specialArgs.pkgs = packages;
  };
in
{
  nixos = evaluate ./nixos-options.nix ../../host-module/nixos.nix;
  home = evaluate ./home-options.nix ../../host-module/home-manager.nix;
}
