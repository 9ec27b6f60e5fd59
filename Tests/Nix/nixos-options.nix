# The options of NixOS that our modules set or read, so that one which doesn't exist there is refused here too: each was
# looked up in nixpkgs (nixos-unstable, 2026). Their values merge as freely as `types.anything`.
{ lib, ... }:

let
  inherit (lib) mkOption types;
  anything = mkOption { type = types.anything; };
  optional = default: mkOption { type = types.anything; inherit default; };
in
{
  options = {
    assertions = optional [ ];
    warnings = optional [ ];

    boot = {
      initrd.availableKernelModules = optional [ ];
      initrd.kernelModules = optional [ ];
      extraModprobeConfig = optional "";
      initrd.systemd.enable = anything;
      kernelModules = optional [ ];
      kernelPackages = optional { kernel.version = "6.18.1"; };
      kernelParams = optional [ "loglevel=4" ];
      loader.grub.enable = anything;
      postBootCommands = optional "";
      tmp.useTmpfs = anything;
    };
    documentation.enable = anything;
    environment = {
      etc = optional { };
      systemPackages = optional [ ];
      variables = optional { };
    };
    fileSystems = optional { };
    networking = {
      firewall = optional { };
      hostName = anything;
      useDHCP = anything;
      useNetworkd = anything;
    };
    nix = {
      channel.enable = anything;
      enable = optional true;
      optimise.automatic = optional false;
      package = optional "/nix/store/test-nix";
      settings = optional { };
    };
    programs = {
      direnv = optional { };
      git = {
        config = optional { };
        enable = optional false;
      };
      nix-ld.enable = optional false;
    };
    security = {
      allowUserNamespaces = anything;
      lockKernelModules = anything;
      protectKernelImage = anything;
      sudo = optional { };
    };
    services.logind.settings.Login = optional { };
    services.openssh = optional { settings = { }; };
    system = {
      build = optional { };
      nixos.release = optional "26.11";
      stateVersion = anything;
    };
    systemd = {
      network = optional { };
      paths = optional { };
      services = optional { };
      settings.Manager = optional { };
      timers = optional { };
      user.services = optional { };
      tmpfiles.rules = optional [ ];
    };
    users = {
      allowNoPasswordLogin = anything;
      groups = optional { };
      users = optional { };
    };
  };
}
