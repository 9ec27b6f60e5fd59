# The store from a read-only disk, everything else in memory, the project from the host.
{ config, lib, ... }:

let
  inherit (lib) mkIf mkMerge mkOption types;
  cfg = config.keystone.guest;
  # Sizes as tmpfs(5) takes them.
  size = types.strMatching "[0-9]+[kKmMgG%]?";
in
{
  options.keystone.guest = {
    rootSize = mkOption {
      type = size;
      default = "50%";
      example = "4G";
      description = "How large the root file system may grow, in bytes (with k, m or g) or percent of the memory. It is in memory, and gone when the sandbox stops.";
    };

    home.size = mkOption {
      type = size;
      default = "50%";
      example = "4G";
      description = "How large /home may grow, in bytes (with k, m or g) or percent of the memory. It is in memory, and gone when the sandbox stops.";
    };

    writableStore = mkOption {
      type = types.bool;
      default = true;
      description = "Whether Nix can add to /nix/store in a running sandbox, in memory above the read-only disk. Without it, `nix build` and `nix develop` fail there.";
    };

    workspace = {
      enable = mkOption {
        type = types.bool;
        default = true;
        description = "Whether the host's project is mounted at /workspace, where the host shares one.";
      };

      cache = mkOption {
        type = types.enum [ "none" "mmap" "loose" ];
        default = "none";
        description = ''
          What the guest's kernel may keep of the workspace. With `none` and `mmap` it sees at once what the host changes, and
          with `mmap` programs can map files to write them (SQLite, some linkers). `loose` is several times faster, and never
          sees a change of the host in what it has looked at: files are then built that are not there any more.
        '';
      };
    };
  };

  config = mkIf cfg.enable {
    fileSystems = mkMerge [
      {
        "/" = {
          device = "none";
          fsType = "tmpfs";
          options = [ "mode=0755" "size=${cfg.rootSize}" ];
          neededForBoot = true;
        };

        # 0755, since the host's home step makes the user's own folder in it, 0700.
        "/home" = {
          device = "none";
          fsType = "tmpfs";
          options = [ "mode=0755" "size=${cfg.home.size}" "nosuid" "nodev" ];
        };

        # By UUID, so that disks of a user's own may come before it.
        ${if cfg.writableStore then "/nix/.ro-store" else "/nix/store"} = {
          device = "/dev/disk/by-uuid/${import ./store-uuid.nix}";
          fsType = "erofs";
          options = [ "ro" ];
          neededForBoot = true;
          noCheck = true;
        };
      }

      (mkIf cfg.writableStore {
        "/nix/.rw-store" = {
          device = "none";
          fsType = "tmpfs";
          options = [ "mode=0755" "size=${cfg.rootSize}" ];
          neededForBoot = true;
        };

        "/nix/store" = {
          overlay = {
            lowerdir = [ "/nix/.ro-store" ];
            upperdir = "/nix/.rw-store/store";
            workdir = "/nix/.rw-store/work";
          };
          neededForBoot = true;
        };
      })

      (mkIf cfg.workspace.enable {
        # `nofail`: a sandbox whose project lives elsewhere has no such share, and boots all the same.
        "/workspace" = {
          device = "workspace";
          fsType = "9p";
          options = [ "trans=virtio" "version=9p2000.L" "msize=512000" "cache=${cfg.workspace.cache}" "nosuid" "nodev" "nofail" ];
        };
      })
    ];

    # The host takes the agent's hello for the word that the workspace is there. (`nofail` takes the mount out of
    # local-fs.target's way.)
    systemd.services.keystone-guest-agent = mkIf cfg.workspace.enable { after = [ "workspace.mount" ]; };
  };
}
