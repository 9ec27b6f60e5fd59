# The version that the programs tell, read where they have it from.
{ lib }:

let
  lines = lib.splitString "\n" (builtins.readFile ../Sources/AgentProtocol/Messages/Hello.swift);
  versions = lib.concatMap
    (line:
      let found = builtins.match ".*static let current = \"([0-9.]+)\".*" line;
      in if found == null then [ ] else found)
    lines;
in
if versions == [ ] then throw "Sources/AgentProtocol/Messages/Hello.swift tells no version." else builtins.head versions
