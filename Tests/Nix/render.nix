# Everything that a host system can try of the modules, made for programs in PREFIX/bin: { units, scripts }, each by file name.
{ prefix }:

let
  lib = import ./lib;
  packages = import ./packages.nix { inherit lib; place = _: prefix; };
  config = (import ./guest.nix {
    inherit lib packages;
    modules = [{
      keystone.guest = {
        enable = true;
        agents = { claudeCode.enable = true; geminiCli.enable = true; };
      };
      services.agent-mcp = { enable = true; package = packages.keystone-guest-agent; user = "root"; group = "root"; workspaceDir = "/srv"; };
      system.build.toplevel = prefix;
    }];
  }).config;
  home = (import ./host.nix { inherit lib packages; modules = [{ keystone.agent.enable = true; }]; }).home.config;
  text = import ./unit-text.nix { inherit lib; };
  # Without what only changes a unit of the system's own.
  own = lib.filterAttrs (name: _: lib.hasPrefix "keystone" name || lib.hasPrefix "agent-mcp" name);
  units = suffix: lib.mapAttrs' (name: unit: lib.nameValuePair "${name}.${suffix}" (text unit));
in
{
  units = units "service" (own config.systemd.services) // units "timer" config.systemd.timers // units "path" config.systemd.paths;
  scripts = lib.listToAttrs
    (map (package: lib.nameValuePair package.name package.text) (lib.filter (package: package ? text) config.environment.systemPackages))
  // { "use-keystone" = home.xdg.configFile."direnv/lib/keystone.sh".text; };
}
