# A sandbox image for this project: `keystone agent image build --nix . --name work`, then `keystone agent start --image work`.
{
  inputs.keystone.url = "github:OWNER/REPO?dir=nix";

  outputs = { keystone, ... }: {
    packages.x86_64-linux.sandbox-image = keystone.lib.sandboxImage {
      modules = [
        ({ pkgs, ... }: {
          keystone.guest = {
            packages = [ pkgs.go ];
            # Claude Code is not free software, which NixOS wants to be told.
            # agents.claudeCode.enable = true;
          };
          # nixpkgs.config.allowUnfree = true;
        })
      ];
    };
  };
}
