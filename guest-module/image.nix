# The folder that `keystone agent image import` takes, as `system.build.keystoneImage`: kernel, initrd, the store as one
# read-only disk, and image.json. Nothing of one sandbox is in it.
{ config, lib, pkgs, ... }:

let
  inherit (lib) mkIf mkOption types;
  cfg = config.keystone.guest;
  inherit (config.system.build) toplevel;
  closure = pkgs.closureInfo { rootPaths = [ toplevel ]; };
in
{
  options.keystone.guest.image = {
    name = mkOption {
      type = types.strMatching "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?";
      default = "nixos";
      description = "What the image is called on the host: `keystone agent start --image NAME`. Lower-case letters, digits and dashes, at most 63.";
    };

    compression = mkOption {
      type = types.enum [ "none" "lz4" "lz4hc" ];
      default = "lz4";
      description = "How the store disk is compressed: `lz4hc` makes it smaller and takes several times longer to build, `none` the reverse. Reading costs little either way.";
    };
  };

  config = mkIf cfg.enable {
    # What is in the store is known to Nix in the sandbox from the start.
    boot.postBootCommands = mkIf config.nix.enable ''
      if [[ "$(cat /proc/cmdline)" =~ keystone\.registration=([^ ]*) ]]; then
        ${config.nix.package}/bin/nix-store --load-db < "''${BASH_REMATCH[1]}"
      fi
    '';

    system.build.keystoneImage = pkgs.runCommand "keystone-image-${cfg.image.name}"
      {
        nativeBuildInputs = [ pkgs.erofs-utils pkgs.jq ];
        # The disk holds the store paths themselves: the image needs none of them on the host.
        __structuredAttrs = true;
        unsafeDiscardReferences.out = true;
        env = {
          imageName = cfg.image.name;
          inherit (cfg.image) compression;
          architecture = pkgs.stdenv.hostPlatform.parsed.cpu.name;
          kernel = "${toplevel}/kernel";
          initrd = "${toplevel}/initrd";
          closure = "${closure}";
          storeUUID = import ./store-uuid.nix;
          parameters = lib.concatStringsSep "\n" (config.boot.kernelParams ++ [
            "init=${toplevel}/init"
            "keystone.registration=${closure}/registration"
          ]);
          features = lib.concatStringsSep "\n" ([ "agent" "nixos" "systemd" ] ++ map lib.getName config.keystone.guest.packages);
          description = "NixOS ${config.system.nixos.release}, Linux ${config.boot.kernelPackages.kernel.version}";
        };
      }
      "bash ${./make-image}";
  };
}
