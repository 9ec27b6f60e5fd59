# Options that take a function, which is a value of no type of ours: there are none but those for modules.
let
  lib = import ./lib;
  host = import ./host.nix { inherit lib; };
  leaves = path: tree: lib.concatLists (lib.mapAttrsToList
    (name: value:
      let place = path ++ [ name ];
      in if value._type or "" == "option" then [ place ] else leaves place value)
    tree);
  guest = (import ./guest.nix { inherit lib; }).options;
  trees = {
    guest = { inherit (guest) keystone; services = { inherit (guest.services) agent-mcp keystone-guest-agent; }; };
    nixos = { inherit (host.nixos.options) keystone; };
    home = { inherit (host.home.options) keystone; };
  };
  taken = module: path:
    let
      modules = [ (lib.foldr (name: inner: { ${name} = inner; }) (x: x) path) ];
      config = {
        guest = (import ./guest.nix { inherit lib modules; }).config;
        nixos = (import ./host.nix { inherit lib modules; }).nixos.config;
        home = (import ./host.nix { inherit lib modules; }).home.config;
      }.${module};
    in
    (builtins.tryEval (lib.getAttrFromPath path config)).success;
in
{
  asked = lib.length (lib.concatLists (lib.mapAttrsToList (_: leaves [ ]) trees));
  taken = lib.concatLists (lib.mapAttrsToList
    (module: tree: map (lib.concatStringsSep ".") (lib.filter (taken module) (leaves [ ] tree)))
    trees);
}
