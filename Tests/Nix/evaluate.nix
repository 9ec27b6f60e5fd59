# All cases in cases/: { count, failures }. A case is { expected, actual }, named for what must hold.
let
  lib = import ./lib;
  files = lib.filter (lib.hasSuffix ".nix") (lib.attrNames (builtins.readDir ./cases));
  cases = lib.concatMapAttrs (file: _: import (./cases + "/${file}") { inherit lib; }) (lib.genAttrs files (_: null));
  failed = lib.filterAttrs (_: case: case.actual != case.expected) cases;
in
{
  count = lib.length (lib.attrNames cases);
  failures = lib.mapAttrsToList (name: case: { inherit name; inherit (case) expected actual; }) failed;
}
