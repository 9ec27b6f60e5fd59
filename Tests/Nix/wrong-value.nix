# One option with one value, for Tests/Nix/run to see refused: { module, option, value } in JSON.
{ request }:

let
  lib = import ./lib;
  inherit (builtins.fromJSON request) module option value;
  path = lib.splitString "." option;
  setting = lib.foldr (name: inner: { ${name} = inner; }) value path;
  modules = [ setting ];
  evaluated = {
    guest = import ./guest.nix { inherit lib modules; };
    nixos = (import ./host.nix { inherit lib modules; }).nixos;
    home = (import ./host.nix { inherit lib modules; }).home;
  };
in
lib.getAttrFromPath path evaluated.${module}.config
