# The text of a service, timer or path, as NixOS writes it (nixos/lib/systemd-lib.nix), with an [Install] section for systems where
# `systemctl enable` makes the links.
{ lib }: service:

let
  inherit (lib) boolToString concatMapStringsSep flatten isBool mapAttrsToList optionalAttrs optionalString;

  text = value: if isBool value then boolToString value else toString value;
  line = name: value: "${name}=${text value}\n";
  lines = name: value: concatMapStringsSep "" (line name) (flatten value);
  section = title: settings:
    optionalString (settings != { }) "[${title}]\n${lib.concatStringsSep "" (mapAttrsToList lines settings)}";
  list = name: service: optionalAttrs (service.${lib.toLower name} or [ ] != [ ]) {
    ${name} = lib.concatStringsSep " " service.${lib.toLower name};
  };
  lists = names: lib.foldl' (all: name: all // list name service) { } names;

  unit = optionalAttrs (service ? description) { Description = service.description; }
    // lists [ "After" "Before" "Wants" "Requires" "Conflicts" ]
    // optionalAttrs (service ? onFailure) { OnFailure = lib.concatStringsSep " " service.onFailure; } // service.unitConfig or { };
  environment = mapAttrsToList (name: value: "${builtins.toJSON "${name}=${value}"}") (service.environment or { });
in
lib.concatStringsSep "\n" (lib.filter (part: part != "") [
  (section "Unit" unit)
  (section "Service" (optionalAttrs (environment != [ ]) { Environment = environment; } // service.serviceConfig or { }))
  (section "Timer" (service.timerConfig or { }))
  (section "Path" (service.pathConfig or { }))
  (section "Install" (optionalAttrs (service.wantedBy or [ ] != [ ]) {
    WantedBy = lib.concatStringsSep " " service.wantedBy;
  }))
])
