# Whatever network the host gives, without waiting for it: with `--network none` there is none, and the host reaches the
# sandbox over vsock anyway.
{ config, lib, ... }:

let
  inherit (lib) mkDefault mkIf;
in
{
  config = mkIf config.keystone.guest.enable {
    networking = {
      # The host names each sandbox at boot.
      hostName = mkDefault "";
      useDHCP = mkDefault false;
      useNetworkd = mkDefault true;
      # Nothing is open unless the image's owner opens it.
      firewall.enable = mkDefault true;
    };

    systemd.network = {
      networks."80-keystone" = {
        matchConfig.Type = "ether";
        networkConfig.DHCP = mkDefault "yes";
        # QEMU's own network answers at once, and a host's bridge asks for no duplicate.
        linkConfig.RequiredForOnline = mkDefault "no";
      };
      wait-online.enable = mkDefault false;
    };

    # The agent writes the sandbox's name into it.
    environment.etc.hosts.mode = "0644";
  };
}
