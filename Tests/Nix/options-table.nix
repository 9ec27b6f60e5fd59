# The options of our modules as rows of a table in Markdown: name, default, what it is. `part` is guest, host or home.
{ part }:

let
  lib = import ./lib;
  inherit (lib) concatLists concatMapStringsSep concatStringsSep hasPrefix isAttrs isBool isInt isList isString mapAttrsToList;

  guest = (import ./guest.nix { inherit lib; }).options;
  inherit (import ./host.nix { inherit lib; }) nixos home;
  without = a: b: lib.filterAttrs (name: _: !(b ? ${name})) a;
  trees = {
    guest = { services = { inherit (guest.services) keystone-guest-agent agent-mcp; }; keystone = guest.keystone; };
    host.keystone = nixos.options.keystone;
    home.keystone.agent = without home.options.keystone.agent nixos.options.keystone.agent;
  };

  leaves = path: tree: concatLists (mapAttrsToList
    (name: value:
      let place = path ++ [ name ];
      in if value._type or "" == "option" then [ (value // { inherit place; }) ] else leaves place value)
    tree);

  show = value:
    if value == null then "null"
    else if isBool value then lib.boolToString value
    else if isString value then builtins.toJSON value
    else if isInt value then toString value
    else if lib.isDerivation value then "pkgs.${value.pname}"
    else if isList value then (if value == [ ] then "[ ]" else "[ ${concatMapStringsSep " " show value} ]")
    else if value == { } then "{ }"
    else throw "This default has no form for a table: ${builtins.toJSON value}";

  # On one line, and `|` would end the cell.
  cell = text: concatStringsSep "\\|" (lib.splitString "|" (concatStringsSep " " (lib.filter (line: line != "") (lib.splitString "\n" text))));
  row = option: "| `${concatStringsSep "." option.place}` | `${show option.default}` | ${cell option.description} |\n";
in
concatMapStringsSep "" row (leaves [ ] trees.${part})
